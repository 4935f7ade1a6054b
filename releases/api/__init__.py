"""The JSON face: for pipelines. Reads a body, makes a spec, calls the same function as the form and the command."""
