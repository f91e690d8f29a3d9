"""Sites that differ from the example project; ``scripts/test`` runs each with settings of its own."""
