"""The commands, one module each; `cli.py` names them and loads a module only when its command is used."""
