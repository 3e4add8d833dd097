"""`python -m desktop` and the packaged app start here."""

import sys

if __name__ == "__main__":
    if sys.argv[1:2] == ["--code-agent-child"]:
        # A code agent's process: this executable again. Nothing of the app is imported for it.
        from desktop.agents.code.child import main as child

        child(sys.argv[2:])
    from desktop.cli import main

    sys.exit(main())
