"""The drain and the slots: see models.py."""

import dgramtest
import models

Models = models.Models
models.add_tests(models.DRAINS)
dgramtest.main()
