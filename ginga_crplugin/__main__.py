"""So that ``python -m ginga_crplugin`` is the command too."""

import sys

from .cli import main

sys.exit(main())
