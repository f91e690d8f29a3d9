"""Tokens in plain Django views: decorators and a middleware, without REST framework."""
