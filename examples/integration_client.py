# At the path that the guide names; the example itself is in tickets/.
import os
import runpy

runpy.run_path(
    os.path.join(os.path.dirname(os.path.abspath(__file__)), "tickets", "integration_client.py"),
    run_name="__main__",
)
