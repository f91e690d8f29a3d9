"""A site whose own API takes tokens of djangorestframework-simplejwt and of django-rest-knox beside ours."""
