"""How the bridge starts and ends."""

import pathlib
import tempfile
import unittest

from support import free_port, ready, start_bridge, until


class Start(unittest.TestCase):
    def refusal(self, **settings):
        process, log = start_bridge(free_port(), **settings)
        self.assertEqual(process.wait(30), 1)
        with log:
            log.seek(0)
            return log.read()

    def test_settings_are_checked(self):
        self.assertIn("PHONEHOME_LOCAL_ORGANIZATION_ID", self.refusal(PHONEHOME_LOCAL_ORGANIZATION_ID="mine"))
        self.assertIn("127.0.0.1", self.refusal(BIND_HOST="0.0.0.0"))
        self.assertIn("PHONEHOME_LOCAL_SCHEDULE_SECONDS", self.refusal(PHONEHOME_LOCAL_SCHEDULE_SECONDS="0"))

    def test_it_can_end_with_its_standard_input(self):
        port = free_port()
        process, log = start_bridge(port, PHONEHOME_LOCAL_STOP_WITH_STDIN="1")
        with log:
            until(lambda: ready(f"http://127.0.0.1:{port}"))
            process.stdin.close()
            self.assertIn(process.wait(30), (0, -15))

    def test_another_version_of_ministack_is_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            metadata = pathlib.Path(folder, "ministack-9.9.9.dist-info", "METADATA")
            metadata.parent.mkdir()
            metadata.write_text("Metadata-Version: 2.1\nName: ministack\nVersion: 9.9.9\n")
            self.assertIn("needs ministack 1.5.33, found 9.9.9", self.refusal(PYTHONPATH=folder))
