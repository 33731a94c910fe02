"""Wake-ups, and the last worker: see models.py."""

import dgramtest
import models

Models = models.Models
models.add_tests(models.WAKEUPS)
dgramtest.main()
