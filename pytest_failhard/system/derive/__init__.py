"""What a project's files say about how its system is started, reached and configured."""
