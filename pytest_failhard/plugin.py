"""The pytest plugin: options and hooks; nothing heavy is imported until a level is asked for."""
