"""Where things stand in a packed sequence, and who may attend to whom.

B groups, G completions each, P prompt tokens (left-padded), C completion tokens (right-padded). A packed row holds

    prompt without its last token | last prompt token, c_1 ... c_(C-1) | last prompt token, c_1 ... c_(C-1) | ...
    prefix, P - 1 tokens          | segment of completion 1, C tokens  | segment of completion 2, C tokens  | ...

The prompt's last token stands in every segment: what it sees is the same in each, and so the token at column j of a segment
always predicts completion token j + 1, the first one included. A segment attends to the prefix and, causally, to itself.
"""

from dataclasses import dataclass

import torch


@dataclass(frozen=True, eq=False)
class PrefixLayout:
    """The shape of one packed batch; passed through the model's forward to every attention layer.

    Attributes:
        num_completions: G.
        segment_len: C.
        prefix_mask: bool [B, P-1], True where the prefix is not padding; None where nothing is.
    """

    num_completions: int
    segment_len: int
    prefix_len: int
    prefix_mask: torch.Tensor | None

    def prefix_attention_mask(self) -> torch.Tensor | None:
        """Return bool [B, 1, P-1, P-1], causal; None where plain causal attention is meant. Padding attends to itself."""
        if self.prefix_mask is None:
            return None
        size, device = self.prefix_len, self.prefix_mask.device
        causal = torch.ones(size, size, dtype=torch.bool, device=device).tril()
        alone = torch.eye(size, dtype=torch.bool, device=device)
        return (causal & self.prefix_mask[:, None, None, :]) | alone

    def segment_attention_mask(self, device: torch.device) -> torch.Tensor:
        """Return bool [1 or B*G, 1, C, P-1+C]: all of the prefix that is not padding, and the segment causally."""
        own = torch.ones(self.segment_len, self.segment_len, dtype=torch.bool, device=device).tril()[None, None]
        if self.prefix_mask is None:
            prefix = torch.ones(1, 1, self.segment_len, self.prefix_len, dtype=torch.bool, device=device)
        else:
            rows = self.prefix_mask.repeat_interleave(self.num_completions, dim=0)
            prefix = rows[:, None, None, :].expand(-1, 1, self.segment_len, -1)
        return torch.cat([prefix, own.expand(prefix.shape[0], -1, -1, -1)], dim=-1)

    def dense_attention_mask(self) -> torch.Tensor:
        """Return the whole block mask, bool [1 or B, 1, N, N] with N = P-1 + G*C: an oracle, and the drawing's source."""
        device = None if self.prefix_mask is None else self.prefix_mask.device
        segment = torch.arange(self.num_completions, device=device).repeat_interleave(self.segment_len)
        owner = torch.cat([torch.full((self.prefix_len,), -1, device=device), segment])
        causal = torch.ones(len(owner), len(owner), dtype=torch.bool, device=device).tril()
        mask = (causal & ((owner[:, None] == owner) | (owner == -1)))[None, None]
        if self.prefix_mask is None:
            return mask
        keys = torch.nn.functional.pad(self.prefix_mask, (0, len(segment)), value=True)
        return (mask & keys[:, None, None, :]) | torch.eye(len(owner), dtype=torch.bool, device=device)
