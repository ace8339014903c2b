"""Entry point for ``python -m ginga_crplugin``."""

import sys

from ginga_crplugin.cli.main import main

if __name__ == '__main__':
    sys.exit(main())
