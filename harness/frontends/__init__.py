"""How people and other tools reach the line: the command line and Chaos Toolkit.

``cli.py`` is the table of commands and the one place where an error becomes an exit code;
``commands/`` holds one small module a command; ``chaostoolkit/`` is what plain ``chaos run`` imports.
Nothing above this package.
"""
