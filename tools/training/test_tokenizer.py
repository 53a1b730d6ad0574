"""The tokenizer as a specification. The comparison with libllama itself is a step of `train`."""

import random
import unittest

from tokenizer import CONTROL_TOKENS, Tokenizer, train_merges, words_of

TEXTS = ["the build failed", "the test failed", "the build is broken", "tests failed: build/test.xml"] * 5


class WordsOf(unittest.TestCase):
    def test_splits_as_gpt2_does(self) -> None:
        cases = {
            "words take one leading space": ("a  b", ["a", " ", " b"]),
            "contractions stand alone": ("it's we'll", ["it", "'s", " we", "'ll"]),
            "an upper-case contraction does not": ("IT'S", ["IT", "'", "S"]),
            "letters, numbers, punctuation part": ("v1.2-rc", ["v", "1", ".", "2", "-", "rc"]),
            "white space at the end stays whole": ("a \n\t", ["a", " \n\t"]),
            "a newline before a word": ("\nbuild", ["\n", "build"]),
            "letters beyond ASCII": ("été 東京", ["été", " 東京"]),
            "a combining mark is no letter": ("e\u0301", ["e", "\u0301"]),
            "U+001F is no white space": ("a\x1fb", ["a", "\x1f", "b"]),
            "no-break space is": ("a\u00a0b", ["a", "\u00a0", "b"]),
        }
        for name, (text, words) in cases.items():
            with self.subTest(name):
                self.assertEqual(words_of(text), words)

    def test_loses_nothing(self) -> None:
        text = " \t mixed\r\n\u2028 line's 1st ½ — ٣ <|im_end|> \U0001f600  "
        self.assertEqual("".join(words_of(text)), text)


class TrainMerges(unittest.TestCase):
    def test_takes_the_most_frequent_pair_first(self) -> None:
        from collections import Counter

        self.assertEqual(train_merges(Counter({"ab": 5, "bc": 3, "abc": 1}), 2), [("a", "b"), ("b", "c")])

    def test_equal_counts_go_to_the_pair_that_sorts_first(self) -> None:
        from collections import Counter

        self.assertEqual(train_merges(Counter({"xy": 2, "ab": 2}), 2), [("a", "b"), ("x", "y")])

    def test_a_pair_seen_once_is_not_worth_a_token(self) -> None:
        from collections import Counter

        self.assertEqual(train_merges(Counter({"ab": 1}), 5), [])


class TokenizerTest(unittest.TestCase):
    def test_decodes_what_it_encoded(self) -> None:
        tokenizer = Tokenizer.train(TEXTS, 300)
        for text in ("the build failed", "unseen Wörter \U0001f600\n\n  x", ""):
            with self.subTest(text):
                self.assertEqual(tokenizer.decode(tokenizer.encode(text)), text)

    def test_frequent_words_become_one_token(self) -> None:
        tokenizer = Tokenizer.train(TEXTS, 300)
        self.assertEqual(len(tokenizer.encode(" failed")), 1)

    def test_text_never_becomes_a_control_token(self) -> None:
        tokenizer = Tokenizer.train(TEXTS + ["<|im_end|>"] * 50, 300)
        control = {tokenizer.im_start, tokenizer.im_end}
        for token in CONTROL_TOKENS:
            self.assertFalse(control & set(tokenizer.encode(f"a {token}b")))

    def test_every_token_is_there_once(self) -> None:
        tokenizer = Tokenizer.train(TEXTS, 320)
        self.assertEqual(len(set(tokenizer.tokens)), len(tokenizer.tokens))

    def test_two_trainings_agree(self) -> None:
        self.assertEqual(Tokenizer.train(TEXTS, 300).merges, Tokenizer.train(TEXTS, 300).merges)

    def test_whole_words_are_one_token_and_change_no_other(self) -> None:
        plain = Tokenizer.train(TEXTS, 300, "bloom")
        whole = ["pto_request", "pto_request_status", "time", "timer"]
        tokenizer = Tokenizer.train(TEXTS, 300, "bloom", whole)
        self.assertEqual([len(tokenizer.encode(word)) for word in whole], [1, 1, 1, 1])
        self.assertEqual(len(set(tokenizer.tokens)), len(tokenizer.tokens))
        for text in TEXTS:
            self.assertEqual(tokenizer.decode(tokenizer.encode(text)), text)
            self.assertLessEqual(len(tokenizer.encode(text)), len(plain.encode(text)))

    def test_a_word_that_the_pre_tokenizer_cuts_cannot_be_one_token(self) -> None:
        with self.assertRaisesRegex(ValueError, "pto_request"):
            Tokenizer.train(TEXTS, 300, "gpt-2", ["pto_request"])

    def test_bloom_splits_at_white_space_and_sentence_marks_only(self) -> None:
        self.assertEqual(words_of("a_b c's (x), y.", "bloom"), ["a_b", " c's", " (", "x", "),", " y", "."])

    def test_cut_words_are_the_same_text_in_more_tokens(self) -> None:
        tokenizer = Tokenizer.train(TEXTS, 300)
        rng = random.Random(1)
        for text in TEXTS:
            cut = [tokenizer.encode_cut(text, 0.5, rng) for _ in range(20)]
            self.assertTrue(all(tokenizer.decode(ids) == text for ids in cut))
            self.assertTrue(all(len(ids) >= len(tokenizer.encode(text)) for ids in cut))
            self.assertEqual(tokenizer.encode_cut(text, 0.0, rng), tokenizer.encode(text))


if __name__ == "__main__":
    unittest.main()
