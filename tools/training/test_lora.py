"""Adapters on tiny shapes. Needs torch."""

import unittest

try:
    import torch
except ImportError:
    raise unittest.SkipTest("Python's torch is not installed (tools/bootstrap train)") from None

import lora
from label_loss import LabelTrie
from model import Model, ModelShape

SHAPE = ModelShape(vocabulary=50, context=32, width=16, layers=2, heads=2, hidden=24)
TOKENS, AT = torch.tensor([[1, 2, 3, 4, 5]]), torch.tensor([4])


class LoraTest(unittest.TestCase):
    def test_changes_nothing_before_training(self) -> None:
        model = Model(SHAPE)
        before = model(TOKENS, AT)
        lora.attach(model, lora.Adapter(rank=4))
        self.assertTrue(torch.allclose(model.eval()(TOKENS, AT), before, atol=1e-6))

    def test_equals_the_merged_weights_by_the_names_that_are_exported(self) -> None:
        torch.manual_seed(1)
        base, adapted = Model(SHAPE), Model(SHAPE)
        adapted.load_state_dict(base.state_dict())
        adapter = lora.Adapter(rank=4, alpha=8.0)
        lora.attach(adapted, adapter)
        for name, parameter in adapted.named_parameters():
            if parameter.requires_grad:
                torch.nn.init.normal_(parameter, std=0.2)

        changes = {name: torch.from_numpy(array) for name, array in lora.tensors(adapted).items()}
        with torch.no_grad():
            for index, block in enumerate(base.blocks):
                for layer, parts in lora.PARTS.items():
                    delta = [changes[f"blk.{index}.{p}.weight.lora_b"] @ changes[f"blk.{index}.{p}.weight.lora_a"] for p in parts]
                    getattr(block, layer).weight += adapter.alpha / adapter.rank * torch.cat(delta)

        self.assertTrue(torch.allclose(adapted.eval()(TOKENS, AT), base(TOKENS, AT), atol=1e-4))

    def test_only_the_change_is_trained(self) -> None:
        model = Model(SHAPE)
        lora.attach(model, lora.Adapter(rank=4))
        trained = {name.split(".")[-2] for name, p in model.named_parameters() if p.requires_grad}
        self.assertEqual(trained, {"a", "b"})


class LabelTrieTest(unittest.TestCase):
    def test_only_tokens_that_continue_a_label_count(self) -> None:
        trie = LabelTrie([[1, 9], [1, 2, 9], [3, 9]], vocabulary=10)
        logits = torch.full((2, 10), 100.0)
        logits[0, 1], logits[0, 3] = 2.0, 2.0  # the first step: 1 or 3
        logits[1, 9], logits[1, 2] = 0.0, 0.0  # after 1: the end or 2

        loss = trie.loss(logits, torch.tensor(trie.nodes([1, 2, 9])[:2]), torch.tensor([1, 2]))

        self.assertAlmostEqual(loss.item(), 2 * torch.tensor(2.0).log().item(), places=5)


if __name__ == "__main__":
    unittest.main()
