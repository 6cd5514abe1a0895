"""The fuzzers' target by itself: no socket, many more examples."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.hostile import anything, calls, raw, written
from tests.fuzz.target import author_corpus, corpus, hear, hear_author

messages = st.one_of(
    calls().map(lambda call: written(call | {"id": "1"}).encode()),
    raw.map(lambda message: message.encode() if isinstance(message, str) else message),
    st.sampled_from(sorted(corpus())),
)
faults = st.dictionaries(
    st.sampled_from(["kind", "seconds", "messages", "count"]) | st.text(), anything
)
frames = st.fixed_dictionaries(
    {"action": st.sampled_from(["arm", "phase", "depth", "position", "trade", "weather", "cut"])},
    optional={
        "name": anything,
        "fault": faults | anything,
        "instrument": anything,
        "phase": anything,
        "touch": anything,
        "quantity": anything,
        "seconds": anything,
        "rate": anything,
        "id": anything,
    },
).map(lambda frame: written(frame).encode())


@settings(settings.get_profile("fuzz"), max_examples=10 * settings.get_profile("fuzz").max_examples)
@given(message=messages)
def test_any_message_is_understood_or_refused(message: bytes) -> None:
    hear(message)


@settings(settings.get_profile("fuzz"), max_examples=10 * settings.get_profile("fuzz").max_examples)
@given(message=frames | messages | st.sampled_from(sorted(author_corpus())))
def test_any_control_frame_is_understood_or_refused(message: bytes) -> None:
    hear_author(message)
