"""``python -m jupyter_chatide.cli`` is ``jupyter chatide``."""

import sys

from . import main

sys.exit(main())
