import sys

from mixent.sweep.main import main

sys.exit(main())
