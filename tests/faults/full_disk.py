"""A night on a disk that is full: it fails and says so, and goes on when there is room again (needs root, for mount).

python tests/faults/full_disk.py
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import mkdtemp

sys.path[:0] = [str(Path(__file__).parents[up] / room) for up, room in ((0, ""), (1, "judging"), (2, ""))]

from faulty_server import faulty_server
from kills import JUDGED, Night, contents, left_running, night, undisturbed
from real_prefect import Prefect

from benchmarks.operations.work import QUIET

MEGABYTES = (1, 20, 4_000)  # of the disk, one after the other


def main() -> int:
    """Run the night; the status is 1 if it does not go on."""
    folder = Path(mkdtemp(prefix="t2s-full-"))
    small = folder / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES[0]}m", "tmpfs", str(small)], check=True)
    prefect = Prefect(os.environ | QUIET | JUDGED, folder / "server")
    try:
        prefect.serve()
        prefect.work()
        prefect.deploy()
        with faulty_server() as judge:
            expected = undisturbed(prefect, folder, judge)[0]
            told = night(small / "store", folder, judge)
            one = Night(prefect, small / "store", prefect.start_run("retrain-and-evaluate/nightly", **told))
            for size in MEGABYTES[1:]:
                one.wait(lambda: False)
                state = prefect.flow_run(one.run)["state"]
                print(json.dumps({"state": state["type"], "message": state["message"]}), flush=True)
                subprocess.run(["mount", "-o", f"remount,size={size}m", str(small)], check=True)
                prefect.run("prefect", "flow-run", "retry", one.run)
                one.wait(lambda: one.state() in ("RUNNING", "PENDING"))
            one.wait(lambda: False)

            found = {"state": one.state(), "same": contents(one.store) == expected, "running": left_running(prefect)}
            print(json.dumps(found))
            return 0 if found == {"state": "COMPLETED", "same": True, "running": []} else 1
    finally:
        prefect.stop()
        subprocess.run(["umount", str(small)], check=False)


if __name__ == "__main__":
    sys.exit(main())
