"""Errors of MCP servers."""

from __future__ import annotations

from desktop.common.errors import AgentError, Catalogue, Described, Phrase, _ended


class McpError(AgentError):
    """An MCP server. values: server (its name); if known, `said` (its program's last words, appended to the sentence),
    `looked` (where its program was searched for), `how` (a Phrase: how to get it)."""

    def describe(self, texts: Catalogue) -> Described:
        """Adds what its program said, or how to get it."""
        told = super().describe(texts)
        for name in ("looked", "said"):
            if self.values.get(name):
                told["message"] += " " + _ended(texts.get(f"mcp.{name}", **{name: self.values[name]}))
        how = self.values.get("how")
        if isinstance(how, Phrase):
            told["hint"] = f"{how.spell(texts)} {told['hint']}".strip()
        return told


class McpCommandMissing(McpError):
    """values: server, command."""

    code = "mcp_command_missing"


class McpNotAnswering(McpError):
    """values: server, seconds."""

    code = "mcp_not_answering"
    retryable = True


class McpNotMcp(McpError):
    """values: server."""

    code = "mcp_not_mcp"


class McpEnded(McpError):
    """values: server, problem (a Phrase)."""

    code = "mcp_ended"
    retryable = True


class McpFlood(McpError):
    """values: server."""

    code = "mcp_flood"


class McpRefused(McpError):
    """values: server, status."""

    code = "mcp_refused"


class McpSignInWanted(McpError):
    """values: server."""

    code = "mcp_sign_in_wanted"


class McpSignInOver(McpError):
    """values: server."""

    code = "mcp_sign_in_over"


class McpScopeWanted(McpError):
    """values: server."""

    code = "mcp_scope_wanted"


class McpClientWanted(McpError):
    """values: server, host (the authorization server's). The detail: what it said."""

    code = "mcp_client_wanted"


class McpSignInFailed(McpError):
    """values: server, problem."""

    code = "mcp_sign_in_failed"
    retryable = True


class McpRedirected(McpError):
    """values: server, host (where it wanted us to go)."""

    code = "mcp_redirected"


class McpSecretMissing(McpError):
    """values: server, name."""

    code = "mcp_secret_missing"


class McpFailed(McpError):
    """values: server, problem."""

    code = "mcp_failed"
    retryable = True


class McpToolsLeftOut(McpError):
    """values: server, problem (the names of the tools)."""

    code = "mcp_tools_left_out"


class McpTooManyTools(AgentError):
    """values: length (how many there are), limit."""

    code = "mcp_too_many_tools"
