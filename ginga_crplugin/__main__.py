"""So that ``python -m ginga_crplugin`` is the command too."""

import sys

from ginga_crplugin.cli.main import main

if __name__ == '__main__':
    sys.exit(main())
