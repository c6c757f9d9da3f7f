"""A system's routes under load on both sides: the servers, their windows, what their pairs show."""
