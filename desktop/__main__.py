"""`python -m desktop` and the packaged app start here."""

import sys

if __name__ == "__main__":
    if sys.argv[1:2] == ["--code-agent-child"]:
        # A code agent's process is this executable started again. It imports none of the app.
        from desktop.agents.code.child import main as child

        child(sys.argv[2:])
    if sys.argv[1:2] == ["--code-agent-pip"]:
        # The packaged app ships pip but no Python to run it, so this installs the packages of code agents.
        import runpy

        sys.argv = ["pip", *sys.argv[2:]]
        runpy.run_module("pip", run_name="__main__")
        sys.exit()
    if sys.argv[1:2] == ["--mcp-guard"]:
        # The same for an MCP server's program.
        from desktop.agents.mcp.guard import main as guard

        guard(sys.argv[2:])
    from desktop.cli import start

    start()
