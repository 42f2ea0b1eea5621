"""The command line: one file for each noun, imported when its command is asked for and not before."""

from __future__ import annotations

import importlib
import importlib.util
import sys

import click

COMMANDS: dict[str, tuple[str, str]] = {
    "serve": ("serve", "Serve the interface and run the engine."),
    "demo": ("demo", "A server with vehicles living real visits on a fast clock."),
    "db": ("db", "The database."),
    "org": ("org", "Organizations and their credentials."),
    "user": ("user", "Users who sign in: passwords and roles."),
    "observations": ("observations", "Facts about vehicles."),
    "prices": ("prices", "Prices of the market."),
    "carbon": ("carbon", "Carbon intensity of the grid."),
    "webhooks": ("webhooks", "Webhooks: how deliveries stand, and sending again."),
    "station": ("station", "Charging stations and their keys."),
    "replay": ("replay", "Stations' messages taken once more: do they give what is stored?"),
    "simulate": ("simulate", "Virtual charging stations over real sockets."),
    "tariff": ("tariff", "What drivers pay at charging stations."),
    "token": ("token", "Cards that may charge at stations."),
    "audit": ("audit", "Who changed what."),
    "plan": ("plan", "Plan the charging of vehicles, with nothing stored."),
    "backtest": ("backtest", "Replay real visits at real prices."),
}
"""Each command: the module beside this one that holds it under its own name, and its line in the help."""


class LazyCommands(click.Group):
    """Commands whose modules are found in COMMANDS; one that is not there does not get in the way of the others."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return [name for name in COMMANDS if _is_there(name)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS or not _is_there(cmd_name):
            return None
        module = importlib.import_module(f"{__name__}.{COMMANDS[cmd_name][0]}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


@click.group(cls=LazyCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dwell", message="%(version)s")
@click.option(
    "--config", type=click.Path(dir_okay=False), help="A TOML file of settings (else DWELL_CONFIG)."
)
@click.pass_context
def dwell(context: click.Context, *, config: str | None) -> None:
    """Dwell: an open engine for electric-vehicle charging sessions."""
    context.obj = config


def main() -> None:
    """Run the command line; what is expected to go wrong is one line on standard error, exit status 1."""
    from dwell.domain.errors import DwellError

    try:
        dwell.main(prog_name="dwell", standalone_mode=True)
    except DwellError as error:
        print(f"dwell: {error.message}", file=sys.stderr)
        sys.exit(1)


def _is_there(name: str) -> bool:
    return importlib.util.find_spec(f"{__name__}.{COMMANDS[name][0]}") is not None
