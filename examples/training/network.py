"""The family of networks that the recipe trains, in PyTorch.

A level is the reference network's: Conv_i + Context_i, each block a 3x3x3 convolution -> instance norm -> LeakyReLU
(Chakrabarty et al. 2021 after Isensee et al. 2017; reference_model.py draws it). Behind the last level: mean over all
cells, one dense layer. A convolution in front of an instance norm has no bias, since the norm takes it away again.

    published   1 x 128^3   16-32-64-128-256, strides 1,2,2,2,2   128 64 32 16 8 cells
    compact     1 x  96^3   16-32-64-128,     strides 2,2,2,1      48 24 12 12 cells

Pooling "attention" (the compact recipe's) weighs the cells first, by a softmax over one convolution 1x1x1 of them, so that
a lesion of one cell is not lost among 1,727 others; the dense layer reads the means of the features and of the weighted
features (Ilse, Tomczak and Welling 2018). Those are means over cells as well, so CAM, embedding and unlikeness remain. With
"average+max" it reads the largest value of each channel beside the mean; the library then has its fine maps alone.

The dense layer applied to every cell of the last level gives the class maps. Their mean is the logit, and they are what
the library's CAM shows. Two things help in training alone and are left out of the model file: the attention is held
against the lesion (cell_loss), and a small head draws the lesion at the level with a quarter of the input's cells.
"""
import torch
import torch.nn.functional as F
from torch import nn

SLOPE = 0.01  # of the LeakyReLU
POOLINGS = ("average", "attention", "average+max")
PUBLISHED = {"shape": [128] * 3, "filters": [16, 32, 64, 128, 256], "strides": [1, 2, 2, 2, 2], "dropout": 0.3,
             "pooling": "average"}
COMPACT = {"shape": [96] * 3, "filters": [16, 32, 64, 128], "strides": [2, 2, 2, 1], "dropout": 0.1,
           "pooling": "attention"}


class Block(nn.Module):
    def __init__(self, channels_in, channels, stride=1):
        super().__init__()
        self.conv = nn.Conv3d(channels_in, channels, 3, stride, padding=1, bias=False)
        self.norm = nn.InstanceNorm3d(channels, affine=True)  # epsilon 1e-5

    def forward(self, x):
        return F.leaky_relu(self.norm(self.conv(x)), SLOPE)


class Level(nn.Module):
    def __init__(self, channels_in, channels, stride, dropout):
        super().__init__()
        self.conv = Block(channels_in, channels, stride)
        self.block1, self.block2 = Block(channels, channels), Block(channels, channels)
        self.dropout = dropout  # share of whole channels

    def forward(self, x, random=None):
        x = self.conv(x)
        return x + self.block2(self.drop(self.block1(x), random))

    def drop(self, x, random):
        if random is None or not self.dropout:
            return x
        kept = torch.rand(*x.shape[:2], 1, 1, 1, generator=random, device=x.device) >= self.dropout
        return x * kept / (1 - self.dropout)


class LesionHead(nn.Module):
    """Where the tumour is, one logit a cell of a fine level, from that level and the last."""

    def __init__(self, fine, last):
        super().__init__()
        self.mix = Block(fine + last, 16)
        self.lesion = nn.Conv3d(16, 1, 1)

    def forward(self, fine, last):
        last = F.interpolate(last, fine.shape[2:], mode="trilinear", align_corners=False)
        return self.lesion(self.mix(torch.cat([fine, last], 1)))


class Network(nn.Module):
    """Input N x 1 x D x H x W of any extents that the strides leave a cell of; `shape` is what the model file says.

    Channels are dropped where a torch.Generator, `random`, is given: so parts of a batch may run in threads of their own.
    """

    def __init__(self, classes, shape, filters, strides, dropout=0.0, pooling="average"):
        super().__init__()
        if len(filters) != len(strides):
            raise ValueError(f"{len(filters)} levels have filters, {len(strides)} strides")
        if pooling not in POOLINGS:
            raise ValueError(f"pooling is '{pooling}', not one of {', '.join(POOLINGS)}")
        self.config = {"classes": classes, "shape": list(shape), "filters": list(filters), "strides": list(strides),
                       "dropout": dropout, "pooling": pooling}
        inputs = [1, *filters[:-1]]
        self.levels = nn.ModuleList(Level(a, b, stride, dropout) for a, b, stride in zip(inputs, filters, strides))
        self.attend = nn.Conv3d(filters[-1], 1, 1) if pooling == "attention" else None
        self.dense = nn.Linear(filters[-1] * (1 if pooling == "average" else 2), classes)
        self.fine = max(i for i in range(len(strides)) if steps(strides)[i] <= max(4, strides[0]))
        self.lesion = LesionHead(filters[self.fine], filters[-1])
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, SLOPE)

    def features(self, x, random=None):
        """The output of every level, the finest first."""
        outputs = []
        for level in self.levels:
            x = level(x, random)
            outputs.append(x)
        return outputs

    def attended(self, last):
        """What the mean over all cells reads: the last level, and with attention the same once more, weighted."""
        if self.attend is None:
            return last
        weights = self.attend(last).flatten(1).softmax(1) * last[0, 0].numel()
        return torch.cat([last, last * weights.view(len(last), 1, *last.shape[2:])], 1)

    def pool(self, last):
        """N x K: what the dense layer reads, the library's embedding."""
        mean = self.attended(last).mean((2, 3, 4))
        return torch.cat([mean, last.amax((2, 3, 4))], 1) if self.config["pooling"] == "average+max" else mean

    def told(self, last, share):
        """Logits if the attention were `share`: N x cells, of sum 1."""
        looked = torch.einsum("nkv,nv->nk", last.flatten(2), share)
        return self.dense(torch.cat([last.mean((2, 3, 4)), looked], 1))

    def forward(self, x, random=None):
        return self.dense(self.pool(self.features(x, random)[-1]))

    def forward_all(self, x, random=None):
        """(logits, the last level, attention before its softmax or None, lesion logits), for training."""
        outputs = self.features(x, random)
        last = outputs[-1]
        attention = None if self.attend is None else self.attend(last)
        return self.dense(self.pool(last)), last, attention, self.lesion(outputs[self.fine], last)


def steps(strides):
    """Input voxels to a cell, along one axis, at each level."""
    return [int(torch.tensor(strides[: i + 1]).prod()) for i in range(len(strides))]


def cells_of(lesion, shape):
    """The tumour's share of each cell of a level; the lesion's grid divides the same box more finely.

    A 3x3x3 convolution of stride 2 and pad 1 puts its cell o over voxel 2 o, and so on through the levels: cell o of
    step s lies around voxel s o, not in the middle of [s o, s o + s). That is where the library draws it too. So the
    windows begin half a cell early.
    """
    doubled = F.interpolate(lesion, scale_factor=2.0)  # nearest: half a cell is a whole number of these
    sides = [max(1, round(fine / coarse)) for fine, coarse in zip(doubled.shape[2:], shape)]
    shares = F.avg_pool3d(doubled, sides, padding=[side // 2 for side in sides])
    return shares[:, :, : shape[0], : shape[1], : shape[2]]


def cell_loss(network, last, attention, labels, lesion):
    """The attention must lie in the lesion, and the features there must tell the class.

    lesion: N x 1 x d x h x w, the tumour's share of each cell; a batch without any counts nothing. The second term is the
    cross-entropy of the logits that an attention on the lesion alone would give: so the class is learned from the lesion
    before the attention has found it, and from a lesion of one cell as fast as from one of fifty. Scans without one keep
    their own attention there, or their class would be pushed down as one that is never told.
    """
    cells = cells_of(lesion, last.shape[2:]).flatten(1)
    marked = cells.sum(1) > 0
    if not marked.any():
        return last.sum() * 0
    attention = attention.flatten(1)
    inside = (cells / cells.amax(1, keepdim=True).clamp_min(1e-12)).clamp_min(1e-12).log()
    where = -torch.logsumexp(F.log_softmax(attention, 1) + inside, 1)[marked].mean()
    share = cells / cells.sum(1, keepdim=True).clamp_min(1e-12)
    told = network.told(last, torch.where(marked[:, None], share, attention.softmax(1)))
    return where + F.cross_entropy(told, labels)


def lesion_loss(logits, lesion):
    """Cross-entropy of the share of tumour in each cell, and Dice over the batch, since tumours are small."""
    target = cells_of(lesion, logits.shape[2:])
    found = logits.sigmoid()
    dice = (2 * (found * target).sum() + 1) / (found.sum() + target.sum() + 1)
    return F.binary_cross_entropy_with_logits(logits, target) + 1 - dice
