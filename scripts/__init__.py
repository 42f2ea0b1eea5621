"""What the Makefile runs. Importable from the root of the tree: `from scripts.private_postgres import …`."""
