"""The encoders, their heads, and the directories they are kept in. Import the defining files."""
