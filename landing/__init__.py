"""The Lambda of data landing: files in, checked data sets out. Packaged alone; imports nothing of Isthmus."""
