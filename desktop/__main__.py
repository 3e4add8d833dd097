"""`python -m desktop` and the packaged app start here."""

import sys

if __name__ == "__main__":
    if sys.argv[1:2] == ["--code-agent-child"]:
        # A code agent's process: this executable again. Nothing of the app is imported for it.
        from desktop.agents.code.child import main as child

        child(sys.argv[2:])
    if sys.argv[1:2] == ["--code-agent-pip"]:
        # The packaged app has a pip and no Python that could run it: packages of code agents are installed by this.
        import runpy

        sys.argv = ["pip", *sys.argv[2:]]
        runpy.run_module("pip", run_name="__main__")
        sys.exit()
    if sys.argv[1:2] == ["--mcp-guard"]:
        # The same for the program of an MCP server.
        from desktop.agents.mcp.guard import main as guard

        guard(sys.argv[2:])
    from desktop.cli import start

    start()
