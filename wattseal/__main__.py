"""``python -m wattseal``."""

import sys

from wattseal.main import main

sys.exit(main())
