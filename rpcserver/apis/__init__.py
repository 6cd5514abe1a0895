"""The handler registry and the dialects: args -> request, report -> answer. Pure."""
