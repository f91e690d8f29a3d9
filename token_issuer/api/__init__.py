"""The HTTP door: who calls, what the body says, which status an error has. No rules and no transactions."""
