"""What a project is made of: its runtime closure in the target interpreter, its locks, its licences."""
