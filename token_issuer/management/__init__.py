"""How the people who run a site are told: commands, which call services and contain no rules."""
