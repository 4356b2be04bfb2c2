"""mixent.integrations.transformers under the real Trainer and SFTTrainer: a GPT-2 of two layers with random weights, on text made
here. Neither how a step is cut into batches nor on how many processes it runs changes its gradient."""
import functools
import os
import socket
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")
import mixent.torch as losses  # noqa: E402

transformers = pytest.importorskip("transformers")
pytest.importorskip("accelerate")  # which Trainer needs
from transformers.modeling_outputs import BaseModelOutput, CausalLMOutput, MaskedLMOutput  # noqa: E402

from mixent.integrations.transformers import ComputeLossFunc  # noqa: E402

WORDS = ("the", "cat", "dog", "bird", "sees", "hears", "a", "tree", "river", "and", "sleeps", ".")
VOCABULARY = {word: number for number, word in enumerate(("<pad>", "<end>", *WORDS))}


def sentences(count, seed=0):
    """Token numbers, of 3 to 10 words each, so that batches differ in their number of labels."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(3, 11, (count,), generator=generator).tolist()
    return [torch.randint(2, len(VOCABULARY), (length,), generator=generator).tolist() + [1] for length in lengths]


def padded(texts):
    """What a collator makes of sentences: padding has the label -100."""
    width = max(map(len, texts))
    fill = [width - len(text) for text in texts]
    return {"input_ids": torch.tensor([text + [0] * more for text, more in zip(texts, fill)]),
            "attention_mask": torch.tensor([[1] * len(text) + [0] * more for text, more in zip(texts, fill)]),
            "labels": torch.tensor([text + [-100] * more for text, more in zip(texts, fill)])}


def gpt():
    torch.manual_seed(0)
    return transformers.GPT2LMHeadModel(transformers.GPT2Config(
        vocab_size=len(VOCABULARY), n_positions=16, n_embd=16, n_layer=2, n_head=2, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0,
        bos_token_id=1, eos_token_id=1, pad_token_id=0))


class Gradients(transformers.TrainerCallback):
    """Keeps the gradients of the first step."""

    def on_pre_optimizer_step(self, arguments, state, control, model=None, **_):
        self.found = {name: value.grad.clone() for name, value in model.named_parameters() if value.grad is not None}


def arguments(folder, accumulation):
    return dict(output_dir=str(folder), per_device_train_batch_size=8 // accumulation, gradient_accumulation_steps=accumulation,
                max_steps=1, max_grad_norm=0, use_cpu=True, bf16=False, report_to=[], save_strategy="no", disable_tqdm=True,
                logging_steps=1, per_device_eval_batch_size=8)


class Counted(ComputeLossFunc):
    """Keeps what it is told to divide by: of GPT-2 and in old versions, the first word, which nothing predicts, counts as well."""

    counts: list

    def __call__(self, outputs, labels, num_items_in_batch=None):
        self.counts.append((labels[:, 1:] != -100).sum().item() if num_items_in_batch is None else int(num_items_in_batch))
        return super().__call__(outputs, labels, num_items_in_batch)


def run(make, loss_func, model=None):
    """(gradients of one step over eight sentences, the loss of an evaluation of eight others before)"""
    kept = Gradients()
    trainer = make(model=model or gpt(), callbacks=[kept], compute_loss_func=loss_func)
    evaluated = trainer.evaluate()["eval_loss"]
    trainer.train()
    return kept.found, evaluated


def with_trainer(folder, accumulation):
    return functools.partial(
        transformers.Trainer, args=transformers.TrainingArguments(**arguments(folder, accumulation)), train_dataset=sentences(8),
        eval_dataset=sentences(8, seed=1), data_collator=padded)


def with_sft_trainer(folder, accumulation):
    trl, datasets = pytest.importorskip("trl"), pytest.importorskip("datasets")
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=Tokenizer(WordLevel(VOCABULARY, "<pad>")), pad_token="<pad>",
                                                     eos_token="<end>")
    train, evaluation = (datasets.Dataset.from_list([{"input_ids": text} for text in sentences(8, seed)]) for seed in (0, 1))
    return functools.partial(trl.SFTTrainer, args=trl.SFTConfig(**arguments(folder, accumulation)), train_dataset=train,
                             eval_dataset=evaluation, processing_class=tokenizer)


def summed(model, texts):
    """MIN-ENT summed over the words that are predicted, by hand."""
    batch = padded(texts)
    labels = batch.pop("labels")
    return losses.MinEntLoss(w2=0.5, reduction="sum")(model(**batch).logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("trainer", [with_trainer, with_sft_trainer])
def test_accumulation_does_not_change_the_gradient(trainer, tmp_path):
    found = []
    for accumulation in (1, 4):
        loss_func = Counted("min-ent", w2=0.5)
        loss_func.counts = []
        found.append(run(trainer(tmp_path, accumulation), loss_func))
        assert len(loss_func.counts) == 1 + accumulation and len(set(loss_func.counts[1:])) == 1
    (once, evaluated), (four, again) = found
    model, texts = gpt(), sentences(8)
    assert loss_func.counts[1] in (sum(map(len, texts)), sum(map(len, texts)) - len(texts))
    summed(model, texts).backward()
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(once[name], parameter.grad / loss_func.counts[1], rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(four[name], once[name], rtol=1e-4, atol=1e-6)
    assert evaluated == again == pytest.approx(summed(gpt(), sentences(8, seed=1)).item() / loss_func.counts[0], rel=1e-5)


def test_cross_entropy_is_trainers_own(tmp_path):
    (ours, our_value), (theirs, their_value) = (run(with_trainer(tmp_path, 4), loss_func) for loss_func in (ComputeLossFunc("ce"), None))
    assert our_value == pytest.approx(their_value, rel=1e-5)
    for name, gradient in theirs.items():
        torch.testing.assert_close(ours[name], gradient, rtol=1e-4, atol=1e-6)


def test_learned_weights_train_within_the_model(tmp_path):
    model = gpt()
    model.criterion = losses.MinEntLoss(w2=0.5, learnable=("w2",))
    gradients, _ = run(with_trainer(tmp_path, 4), ComputeLossFunc(model.criterion), model)
    assert gradients["criterion.w2"] > 0 and model.criterion.w2 < 0.5
    assert model.criterion.reduction == "mean"
    with pytest.raises(ValueError, match="register it in the model"):
        ComputeLossFunc("min-ent", learnable=("w2",))


def train_on_one_of(processes, folder):
    """Keeps the gradients of a step of two batches of four sentences on all processes together, a learned weight among them."""
    model, kept = gpt(), Gradients()
    model.criterion = losses.MinEntLoss(w2=0.5, learnable=("w2",))
    settings = {**arguments(folder, 2), "per_device_train_batch_size": 4 // processes, "ddp_find_unused_parameters": False}
    transformers.Trainer(model, transformers.TrainingArguments(**settings, **({"ddp_backend": "gloo"} if processes > 1 else {})),
                         train_dataset=sentences(8), data_collator=padded, callbacks=[kept],
                         compute_loss_func=ComputeLossFunc(model.criterion)).train()
    torch.save({name.replace("module.", "", 1): value for name, value in kept.found.items()},
               f"{folder}/{os.environ.get('RANK', 'alone')}")


@pytest.mark.long
def test_two_processes_train_as_one(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    program = f"import sys; sys.path[:0] = {[os.path.dirname(__file__), *sys.path]!r}; import test_integrations_transformers as tests"
    both = [subprocess.Popen(
        [sys.executable, "-c", f"{program}; tests.train_on_one_of(2, {str(tmp_path)!r})"], stderr=subprocess.PIPE, text=True,
        env=dict(os.environ, RANK=rank, LOCAL_RANK=rank, WORLD_SIZE="2", MASTER_ADDR="127.0.0.1", MASTER_PORT=port,
                 GLOO_SOCKET_IFNAME="lo")) for rank in "01"]
    try:
        for process in both:
            _, errors = process.communicate(timeout=500)
            assert process.returncode == 0, errors
    finally:
        for process in both:
            process.kill()
    train_on_one_of(1, tmp_path)
    alone, *others = (torch.load(tmp_path / name) for name in ("alone", "0", "1"))
    assert alone["criterion.w2"] > 0
    for other in others:
        for name, gradient in alone.items():
            torch.testing.assert_close(other[name], gradient, rtol=1e-4, atol=1e-6)


# As a function

LOGITS = torch.linspace(-1, 2, 30).sin().view(2, 3, 5)
LABELS = torch.tensor([[0, 3, -100], [2, 1, 4]])


def test_the_divisor():
    function, mean = ComputeLossFunc("gce"), losses.GCELoss()
    expected = mean(LOGITS[:, :-1].flatten(0, 1), LABELS[:, 1:].flatten())
    outputs = CausalLMOutput(logits=LOGITS)
    for count in (None, 3, torch.tensor(3), torch.tensor([[3.0], [3.0]])):
        torch.testing.assert_close(function(outputs, LABELS, num_items_in_batch=count), expected)
    torch.testing.assert_close(function(outputs, LABELS, 6), expected / 2)
    assert function(outputs, torch.full_like(LABELS, -100)) == 0  # not 0/0
    assert function(outputs, torch.full_like(LABELS, -100), torch.tensor(0)) == 0


def test_class_weights_leave_the_divisor_alone():
    weight = torch.tensor([1.0, 2.0, 0.5, 3.0, 1.0])
    rows = losses.MinEntLoss(weight, reduction="none")(LOGITS.flatten(0, 1), LABELS.flatten())
    found = ComputeLossFunc("min-ent", weight=weight)(MaskedLMOutput(logits=LOGITS), LABELS)
    torch.testing.assert_close(found, rows.sum() / 5)


def test_whether_to_shift():
    aligned = losses.MinEntLoss()(LOGITS.flatten(0, 1), LABELS.flatten())
    function = ComputeLossFunc()
    torch.testing.assert_close(function(MaskedLMOutput(logits=LOGITS), LABELS), aligned)
    assert not torch.allclose(function(CausalLMOutput(logits=LOGITS), LABELS), aligned)
    for shift in (True, False):
        assert torch.allclose(ComputeLossFunc(shift=shift)((LOGITS,), LABELS), aligned) is not shift
    torch.testing.assert_close(function((LOGITS[0],), LABELS[1]), losses.MinEntLoss()(LOGITS[0], LABELS[1]))  # classifiers
    with pytest.raises(ValueError, match="outputs of the class tuple do not say .* shift=True"):
        function((LOGITS,), LABELS)


def test_a_loss_that_is_annealed():
    loss = losses.MinEntLoss(w2=0.1)
    function = ComputeLossFunc(loss, shift=False)
    function.loss.w2 = 2.0
    torch.testing.assert_close(function((LOGITS,), LABELS), ComputeLossFunc("min-ent", shift=False, w2=2.0)((LOGITS,), LABELS))
    assert loss.reduction == "mean" and "w2=2" in repr(function)


@pytest.mark.parametrize("name", ["mix-ent-split", "focal", "bi-tempered"])
def test_a_word_like_no_option_lists_all(name):
    with pytest.raises(TypeError, match=r"unknown option 'zzz'; there are weight, label_smoothing, w1, .*, backend, shift$"):
        ComputeLossFunc(name, zzz=1)


def test_the_reduction_of_a_loss_is_overruled():
    values = [ComputeLossFunc(losses.MinEntLoss(reduction=reduction), shift=False)((LOGITS,), LABELS) for reduction in ("mean", "sum")]
    assert values[0] == values[1]


@pytest.mark.parametrize("make, error, message", [
    (lambda: ComputeLossFunc("min_ent"), ValueError, "unknown loss 'min_ent'; did you mean 'min-ent'?"),
    (lambda: ComputeLossFunc("MIX-ENT"), ValueError, "did you mean 'mix-ent'?"),
    (lambda: ComputeLossFunc("hinge"), ValueError, "unknown loss 'hinge'; there are ce, min-ent, "),
    (lambda: ComputeLossFunc(["ce"]), TypeError, "expected the name of a loss or a loss of mixent.torch, got ['ce']"),
    (lambda: ComputeLossFunc(losses.MinEntLoss), TypeError, "got the class MinEntLoss: make it: MinEntLoss()"),
    (lambda: ComputeLossFunc(losses.LinearMinEntLoss(4, 4), shift=False), TypeError, "use MinEntLoss"),
    (lambda: ComputeLossFunc("ce", shift="no"), TypeError, "shift takes True, False or None, got 'no'"),
    (lambda: ComputeLossFunc("ce", label_smooth=0.1), TypeError, "unknown option 'label_smooth'; did you mean 'label_smoothing'?"),
    (lambda: ComputeLossFunc("ce", shifted=True), TypeError, "unknown option 'shifted'; did you mean 'shift'?"),
    (lambda: ComputeLossFunc("ce", w2=0.1), TypeError, "the loss 'ce' has no w2 (it has w1, "),
    (lambda: ComputeLossFunc(losses.MinEntLoss(), w2=0.1), TypeError, "give w2 to MinEntLoss"),
    (lambda: ComputeLossFunc("ce", ignore_index=0), ValueError, "expected ignore_index -100, got 0"),
    (lambda: ComputeLossFunc("ce", reduction="mean"), TypeError, "reduction is settled"),
    (lambda: ComputeLossFunc("mix-ent", transform="uncertainty"), ValueError, "weighs means"),
    (lambda: ComputeLossFunc()((LOGITS,), None), ValueError, "expected labels, a tensor, beside the model's inputs, got None"),
    (lambda: ComputeLossFunc()((LOGITS,), LABELS.tolist()), ValueError, "got list: the data need a column 'labels'"),
    (lambda: ComputeLossFunc()(BaseModelOutput(last_hidden_state=LOGITS), LABELS), ValueError,
     "expected a model's outputs with 'logits', or a tuple that begins with them, got BaseModelOutput with last_hidden_state"),
    (lambda: ComputeLossFunc()((), LABELS), ValueError, "got tuple: use a model with a head"),
    (lambda: ComputeLossFunc()((LOGITS,), LABELS[:, 1:]), ValueError,
     "need whole-number labels of shape (2, 3), got torch.int64 of shape (2, 2)"),
    (lambda: ComputeLossFunc()((LOGITS,), LABELS.float()), ValueError, "got torch.float32"),
])
def test_errors_say_what_is_wrong(make, error, message):
    with pytest.raises(error) as caught:
        make()
    assert message in str(caught.value)
