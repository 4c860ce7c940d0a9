//! Settings out of the environment, as people write them there.

use clap::builder::BoolishValueParser;
use clap::{Arg, ArgAction, Command};

/// An empty variable says nothing, as `NAME=` does in a file of settings, and what is on or
/// off may be `1` or `no` as well.
pub(super) fn leniently(command: Command) -> Command {
    command.mut_args(argument).mut_subcommands(leniently)
}

fn argument(argument: Arg) -> Arg {
    let Some(variable) = argument.get_env() else {
        return argument;
    };
    if std::env::var_os(variable).is_some_and(|value| value.is_empty()) {
        return argument.env(None::<&'static str>);
    }
    if matches!(argument.get_action(), ArgAction::SetTrue) {
        return argument.value_parser(BoolishValueParser::new());
    }
    argument
}
