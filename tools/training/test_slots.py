"""The grammar of the extraction task, its augmentation and its data."""

import os
import random
import unittest
from pathlib import Path

import slots
import sources
from sources import Booking


class GrammarTest(unittest.TestCase):
    TEXT = "a table for 4 people at 7 pm"

    def begins(self, written: str) -> bool:
        return slots.may_begin(written, slots.spans(self.TEXT))

    def test_every_beginning_of_a_right_answer_is_allowed(self) -> None:
        answer = slots.answer_of({"time": "7 pm", "people": "4 people"})
        self.assertEqual(answer, '{"people":"4 people","time":"7 pm"}')
        for length in range(len(answer) + 1):
            self.assertTrue(self.begins(answer[:length]), answer[:length])
        self.assertTrue(slots.complete(answer, slots.spans(self.TEXT)))
        self.assertTrue(slots.complete("{}", slots.spans(self.TEXT)))

    def test_what_no_answer_can_begin_with_is_refused(self) -> None:
        for name, written in {
            "a value that is not in the text": '{"people":"5',
            "a part of a word": '{"people":"4 peop"',
            "a value that begins inside a word": '{"people":"eople',
            "an empty value": '{"people":""',
            "an unknown key": '{"place',
            "keys out of order": '{"time":"7 pm","people',
            "a key twice": '{"people":"4","people',
            "white space": '{ "people',
            "more after the end": '{"people":"4"}x',
        }.items():
            self.assertFalse(self.begins(written), name)

    def test_decoding_takes_the_likeliest_that_is_allowed(self) -> None:
        pieces = ["", "{}", '{"', "people", "time", '":"', "4", "5", " ", '"}']
        wanted = [2, 3, 5, 7, 9]  # a model that wants to write 5, which the text does not have

        def logits(tokens: list[int]) -> list[float]:
            return [9.0 if i == wanted[len(tokens)] else 5.0 if pieces[i] == "4" else 0.0 for i in range(len(pieces))]

        answer, probability = slots.decode(logits, pieces, self.TEXT)

        self.assertEqual(answer, '{"people":"4"}')
        self.assertGreater(probability, 0.9)


class AugmenterTest(unittest.TestCase):
    def test_values_stay_in_the_text(self) -> None:
        known = [
            Booking("for 4 people at 7pm", {"people": "4 people", "time": "7pm"}),
            Booking("Ann Lee", {"first_name": "Ann", "last_name": "Lee"}),
            Booking("my name is Bob Stone", {"first_name": "Bob", "last_name": "Stone"}),
        ]
        augmenter, rng = slots.Augmenter(known), random.Random(3)
        drawn = [augmenter.draw(rng.choice(known), rng) for _ in range(300)]
        for booking in drawn:
            self.assertTrue(all(value in booking.text for value in booking.slots.values()), booking)
        self.assertGreater(len({booking.text for booking in drawn}), 50)


class BookingsTest(unittest.TestCase):
    def test_no_text_is_on_two_sides_and_every_answer_can_be_written(self) -> None:
        directory = os.environ.get("SUFFICE_DATA_DIR")
        if not directory:
            self.skipTest("SUFFICE_DATA_DIR is not set")
        train, tuning, held_out = sources.bookings(Path(directory))
        sides = [{" ".join(b.text.lower().split()) for b in part} for part in (train, tuning, held_out)]
        self.assertFalse(sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])
        for booking in held_out:
            self.assertTrue(slots.complete(slots.answer_of(booking.slots), slots.spans(booking.text)), booking)


if __name__ == "__main__":
    unittest.main()
