"""The journal of a session: what is happening, as rows in SQLite. Git holds what has been decided.

Writers are the runner (events, replies, rollouts) and its clients (commands only). Readers poll
`has_changed()` and hold no transaction open. Only the standard library is imported here: the
interface reads the journal before anything else.
"""

from pathlib import Path

from genopt_tui.session.journal.archive import Archiver
from genopt_tui.session.journal.blocks import BlockStore
from genopt_tui.session.journal.commands import CommandTable
from genopt_tui.session.journal.database import Database
from genopt_tui.session.journal.events import EventTable
from genopt_tui.session.journal.replies import ReplyTable
from genopt_tui.session.journal.rollouts import RolloutTable
from genopt_tui.session.journal.schema import (
    CommandRow,
    Event,
    Reply,
    RolloutRow,
    journal_path,
    utc_timestamp,
)


class Journal:
    """One connection to a session's journal; use it from one thread only.

    The tables do the work. The names below are those that the rest of the package calls.
    """

    def __init__(self, session: Path, *, durable: bool = True) -> None:
        database = self.database = Database(session, durable=durable)
        self.close = database.close
        self.has_changed = database.has_changed
        self.group_commit = database.group_commit

        blocks = self.blocks = BlockStore(database)
        events = self.events = EventTable(database, blocks)
        self.append_event = events.append
        self.read_events = events.read
        self.find_last = events.find_last
        self.count_events = events.count
        self.last_event_id = events.last_id
        self.last_step = events.last_step
        self.first_step = events.first_step

        commands = CommandTable(database, events)
        self.add_command = commands.add
        self.read_commands = commands.read
        self.finish_command = commands.finish
        self.read_command_result = commands.read_result

        replies = ReplyTable(database, blocks, events)
        self.add_chunk = replies.add_chunk
        self.read_chunks = replies.read_chunks
        self.read_updates = replies.read_updates
        self.store_reply = replies.store
        self.read_replies = replies.read
        self.count_replies = replies.count
        self.sum_usage = replies.sum_usage

        rollouts = RolloutTable(database, blocks, events)
        self.store_rollout = rollouts.store
        self.append_rollout_event = rollouts.append_event
        self.find_rollout = rollouts.find
        self.read_rollout = rollouts.read
        self.read_rollouts = rollouts.read_of_tree
        self.last_rollout_id = rollouts.last_id
        self.read_trees = rollouts.read_trees
        self.read_trace_chunks = rollouts.read_trace_chunks
        self.read_picture = rollouts.read_picture

        self.archive = Archiver(database, blocks, events).archive


__all__ = ["CommandRow", "Event", "Journal", "Reply", "RolloutRow", "journal_path", "utc_timestamp"]
