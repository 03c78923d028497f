"""The figures of an evaluation against hand-computed ones, against plain loops on random tables, and on samples drawn
as the bootstrap drew them; intervals against a simulation; maps against lesions of a few voxels."""
import argparse
import math
import pathlib
import sys
import tempfile
import unittest

import numpy as np
import sklearn.metrics

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "examples/evaluation"))
from tumorclass_evaluate import attention, figures, groups, pairs, report, tables  # noqa: E402
from tumorclass_evaluate.classes import CODES, NO_CLASS, index_of  # noqa: E402

K = len(CODES)


def case(n, truth, called, probabilities=None, members=None, **columns):
    return tables.Case(f"{n:04}", f"sub-{n:04}_T1w.nii", "", truth, called, probabilities, members, False,
                       "" if called >= 0 else "cannot be read", columns)


def random_cases(seed, count=160, anatomies=12, failures=True):
    """Scores on a coarse scale, so that many are equal."""
    generator, cases = np.random.default_rng(seed), []
    for n in range(count):
        truth = int(generator.integers(K))
        weights = generator.integers(0, 6, K) + 5.0 * (np.arange(K) == truth) * generator.integers(0, 2)
        weights[0] += weights.sum() == 0
        p = list(weights / weights.sum())
        anatomy = str(generator.integers(anatomies))
        if failures and n % 23 == 5:
            cases.append(case(n, truth, NO_CLASS, anatomy=anatomy))
        else:
            members = [k for k in range(K) if p[k] > 0.15]
            cases.append(case(n, truth, int(np.argmax(p)), p, members, anatomy=anatomy))
    return cases


def figures_of(cases, **settings):
    evaluation = figures.Evaluation(cases, **{"replicates": 100, **settings})
    confusion, bins = evaluation.run()
    return evaluation, {(row.group, row.label, row.metric): row for row in evaluation.rows}, confusion, bins


# ---- The same figures by plain loops: lists in, a number out ----

def divided(a, b):
    return a / b if b else math.nan


def plain_figures(cases):
    truth, called = [c.truth for c in cases], [c.called for c in cases]
    found = {("", "accuracy"): divided(sum(t == c for t, c in zip(truth, called)), len(cases))}
    for k, code in enumerate(CODES):
        tp = sum(t == k and c == k for t, c in zip(truth, called))
        fp = sum(t != k and c == k for t, c in zip(truth, called))
        fn = sum(t == k and c != k for t, c in zip(truth, called))
        tn = sum(t != k and c != k for t, c in zip(truth, called))
        found.update({(code, "sensitivity"): divided(tp, tp + fn), (code, "specificity"): divided(tn, tn + fp),
                      (code, "ppv"): divided(tp, tp + fp), (code, "npv"): divided(tn, tn + fn),
                      (code, "f1"): divided(2 * tp, 2 * tp + fp + fn)})
    scored = [c for c in cases if c.probabilities]
    for k, code in enumerate(CODES):
        found[code, "auroc"], found[code, "auprc"] = plain_areas([c.probabilities[k] for c in scored],
                                                                 [c.truth == k for c in scored])
    errors = [(p - (k == c.truth))**2 for c in scored for k, p in enumerate(c.probabilities)]
    found["", "brier"] = sum(errors) / len(scored)
    found["", "nll"] = -sum(math.log(max(c.probabilities[c.truth], 2.0**-52)) for c in scored) / len(scored)
    return found


def plain_areas(score, positive):
    yes = [s for s, p in zip(score, positive) if p]
    no = [s for s, p in zip(score, positive) if not p]
    auroc = divided(sum((a > b) + (a == b) / 2 for a in yes for b in no), len(yes) * len(no))
    auprc, before = 0, 0
    for threshold in sorted(set(score), reverse=True):
        hits, calls = sum(s >= threshold for s in yes), sum(s >= threshold for s in score)
        auprc += divided(hits - before, len(yes)) * hits / calls
        before = hits
    return auroc, auprc if yes and no else math.nan


def plain_ece(cases):
    scored = [c for c in cases if c.probabilities]
    scored = sorted((max(c.probabilities), int(np.argmax(c.probabilities)) == c.truth) for c in scored)
    bins = {}
    for confidence, right in scored:
        first = [value for value, _ in scored].index(confidence)  # equal values share the first one's bin
        bins.setdefault(first * 15 // len(scored), []).append((confidence, right))
    return sum(abs(sum(c for c, _ in b) - sum(r for _, r in b)) for b in bins.values()) / len(scored)


class ByHand(unittest.TestCase):
    # truth HGG HGG HGG LGG LGG HLTH HLTH HLTH HLTH MEN; called HGG HGG LGG LGG none HLTH HLTH HLTH MEN MEN
    CASES = [case(n, index_of(t), NO_CLASS if c == "-" else index_of(c)) for n, (t, c) in enumerate(zip(
        "HGG HGG HGG LGG LGG HLTH HLTH HLTH HLTH MEN".split(), "HGG HGG LGG LGG - HLTH HLTH HLTH MEN MEN".split()))]

    def test_table_of_ten_scans(self):
        evaluation, found, confusion, bins = figures_of(self.CASES)
        for (label, metric), expected in {
            ("", "accuracy"): 7 / 10, ("HGG", "sensitivity"): 2 / 3, ("HGG", "specificity"): 1, ("HGG", "ppv"): 1,
            ("HGG", "npv"): 7 / 8, ("HGG", "f1"): 4 / 5, ("LGG", "sensitivity"): 1 / 2, ("LGG", "specificity"): 7 / 8,
            ("LGG", "ppv"): 1 / 2, ("LGG", "npv"): 7 / 8, ("HLTH", "sensitivity"): 3 / 4, ("MEN", "ppv"): 1 / 2,
            ("MEN", "sensitivity"): 1, ("MEN", "f1"): 2 / 3, ("", "balanced_accuracy"): (2 / 3 + 1 / 2 + 3 / 4 + 1) / 4,
            ("", "macro_ppv"): (1 + 1 / 2 + 1 + 1 / 2) / 4, ("", "macro_f1"): (4 / 5 + 1 / 2 + 6 / 7 + 2 / 3) / 4,
        }.items():
            self.assertAlmostEqual(found["all", label, metric].value, expected, 12, (label, metric))
        self.assertAlmostEqual(found["glioma merged", "GLIOMA", "sensitivity"].value, 4 / 5)
        self.assertAlmostEqual(found["glioma merged", "", "accuracy"].value, 8 / 10)
        self.assertNotIn(("all", "PA", "sensitivity"), found, "no scan is PA or was called so")
        self.assertEqual(confusion[index_of("LGG")].tolist(), [0, 1, 0, 0, 0, 0, 0, 1])
        self.assertEqual((found["all", "LGG", "ppv"].n, found["all", "LGG", "specificity"].n), (2, 8))
        self.assertFalse(bins)
        self.assertNotIn(("all", "HGG", "auroc"), found, "there are no probabilities")
        self.assertEqual(evaluation.by_cluster.count, 10)

    def test_wilson_intervals_of_the_published_figures(self):
        for row, low, high in zip(report.published(), (90.3, 88.6), (95.5, 94.4)):
            self.assertEqual((round(100 * row["low"], 1), round(100 * row["high"], 1)), (low, high))
        for count, n in ((8, 10), (0, 5), (5, 5), (337, 361)):
            z, p = 1.959963984540054, count / n
            half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
            centre = (p + z * z / (2 * n)) / (1 + z * z / n)
            np.testing.assert_allclose(figures.wilson(count, n), (centre - half, centre + half), atol=1e-12)

    def test_calibration_of_four_scans(self):
        sure, unsure = [0.9, 0.1, 0, 0, 0, 0, 0], [0.6, 0.4, 0, 0, 0, 0, 0]
        cases = [case(0, 0, 0, sure), case(1, 0, 0, sure), case(2, 1, 0, unsure), case(3, 0, 0, unsure)]
        _, found, _, bins = figures_of(cases)
        self.assertAlmostEqual(found["all", "", "brier"].value, (2 * (0.01 + 0.01) + (0.36 + 0.36) + (0.16 + 0.16)) / 4)
        self.assertAlmostEqual(found["all", "", "nll"].value, -(2 * math.log(0.9) + math.log(0.4) + math.log(0.6)) / 4)
        self.assertAlmostEqual(found["all", "", "ece"].value, (abs(1.2 - 1) + abs(1.8 - 2)) / 4)
        self.assertEqual([(item["n"], item["right"]) for item in bins], [(2, 1), (2, 2)])

    def test_prediction_sets(self):
        cases = [case(0, 0, 0, None, [0]), case(1, 0, 1, None, [1, 2]), case(2, 1, 1, None, []),
                 case(3, 1, 1, None, [0, 1, 2])]
        cases[1].abstained = True
        _, found, _, _ = figures_of(cases)
        self.assertEqual([found["all", label, "set_coverage"].value for label in ("", "HGG", "LGG")], [0.5, 0.5, 0.5])
        self.assertEqual([found["all", label, "set_size"].value for label in ("", "HGG", "LGG")], [1.5, 1.5, 1.5])
        self.assertEqual((found["all", "", "abstained"].value, found["all", "", "accuracy_if_named"].value), (0.25, 1))

    def test_class_that_is_called_but_never_true_has_no_part_in_the_means(self):
        _, found, _, _ = figures_of([case(0, 0, 0), case(1, 0, 1), case(2, 5, 5)])
        self.assertEqual(found["all", "", "macro_ppv"].value, 1)
        self.assertEqual(found["all", "", "balanced_accuracy"].value, 0.75)
        self.assertEqual(found["all", "LGG", "ppv"].value, 0)

    def test_mcnemar_counts_only_scans_that_one_alone_calls_right(self):
        right = [True] * 10 + [False] * 2 + [True] * 30 + [False] * 5
        other = [False] * 10 + [True] * 2 + [True] * 30 + [False] * 5
        first, second, p = pairs.mcnemar(right, other)
        self.assertEqual((first, second), (10, 2))
        self.assertAlmostEqual(p, 2 * (1 + 12 + 66) / 4096, 12)
        self.assertEqual(pairs.mcnemar(right, right), (0, 0, 1.0))


class ByLoops(unittest.TestCase):
    def test_random_tables(self):
        for seed in range(4):
            cases = random_cases(seed)
            _, found, confusion, _ = figures_of(cases)
            for (label, metric), expected in plain_figures(cases).items():
                np.testing.assert_allclose(found["all", label, metric].value, expected, atol=1e-12,
                                           err_msg=f"{label} {metric}")
            np.testing.assert_allclose(found["all", "", "ece"].value, plain_ece(cases), atol=1e-12)
            self.assertEqual(confusion.sum(), len(cases))
            self.assertEqual(confusion[:, -1].sum(), sum(c.called < 0 for c in cases))

    def test_scikit_learn_agrees(self):
        cases = random_cases(9, failures=False)
        _, found, _, _ = figures_of(cases)
        truth, called = [c.truth for c in cases], [c.called for c in cases]
        scores = [c.probabilities for c in cases]
        for metric, expected in {
            "balanced_accuracy": sklearn.metrics.balanced_accuracy_score(truth, called),
            "macro_f1": sklearn.metrics.f1_score(truth, called, average="macro"),
            "macro_ppv": sklearn.metrics.precision_score(truth, called, average="macro"),
            "nll": sklearn.metrics.log_loss(truth, scores, labels=range(K)),
            "macro_auroc": sklearn.metrics.roc_auc_score(truth, scores, average="macro", multi_class="ovr"),
        }.items():
            self.assertAlmostEqual(found["all", "", metric].value, expected, 12, metric)

    def test_weighted_areas_are_those_of_scikit_learn(self):
        generator = np.random.default_rng(5)
        score, positive = generator.integers(0, 9, 80) / 8, generator.random(80) < 0.3
        weights = generator.integers(0, 4, (20, 80)).astype(float)
        auroc, auprc = figures.weighted_areas(score, positive, weights)
        for row, area, precision in zip(weights, auroc, auprc):
            self.assertAlmostEqual(area, sklearn.metrics.roc_auc_score(positive, score, sample_weight=row), 12)
            expected = sklearn.metrics.average_precision_score(positive, score, sample_weight=row)
            self.assertAlmostEqual(precision, expected, 12)


class Bootstrap(unittest.TestCase):
    def test_replicates_are_the_figures_of_the_scans_drawn(self):
        """Every interval is made anew: each replicate's scans written out as a list, then the plain loops."""
        cases = random_cases(3, count=70, anatomies=11)
        evaluation, found, _, _ = figures_of(cases, replicates=100)
        units = sorted({c.columns["anatomy"] for c in cases})
        self.assertGreaterEqual(len(units), 10)
        replicates = []
        for draw in evaluation.by_cluster.draws:
            drawn = [c for c in cases for _ in range(int(draw[units.index(c.columns["anatomy"])]))]
            replicates.append(plain_figures(drawn))
        for label, metric in (("", "accuracy"), ("HGG", "sensitivity"), ("METS", "ppv"), ("PA", "npv"), ("AN", "f1"),
                              ("LGG", "auroc"), ("MEN", "auprc"), ("", "brier"), ("", "nll")):
            values = np.array([figures_[label, metric] for figures_ in replicates])
            expected = np.percentile(values[np.isfinite(values)], [2.5, 97.5])
            row = found["all", label, metric]
            np.testing.assert_allclose((row.cluster_low, row.cluster_high), expected, atol=1e-12,
                                       err_msg=f"{label} {metric}")
            self.assertLess(row.cluster_low, row.cluster_high)

    def test_whole_clusters_are_drawn_and_few_give_no_clustered_interval(self):
        evaluation, found, _, _ = figures_of(random_cases(1, anatomies=12))
        self.assertTrue((evaluation.by_cluster.draws.sum(axis=1) == 12).all())
        self.assertTrue(np.isfinite(found["all", "", "accuracy"].cluster_low))
        evaluation, found, _, _ = figures_of(random_cases(1, anatomies=9))
        self.assertEqual(evaluation.by_cluster.count, 9)
        self.assertTrue(np.isnan(found["all", "", "accuracy"].cluster_low))
        self.assertTrue(np.isfinite(found["all", "HGG", "auroc"].low), "over participants")

    def test_clustered_interval_covers_where_wilson_does_not(self):
        """30 anatomies of 20 scans; an anatomy's own accuracy is Beta(4, 1), mean 0.8."""
        generator, trials, covered, by_wilson = np.random.default_rng(11), 250, 0, 0
        for trial in range(trials):
            shares = np.repeat(generator.beta(4, 1, 30), 20)
            right = generator.random(600) < shares
            draws = figures.Resampling(np.repeat(np.arange(30), 20), 300, trial)
            low, high = figures.interval(figures.weighted_mean(right.astype(float))(draws))
            covered += low <= 0.8 <= high
            low, high = figures.wilson(right.sum(), 600)
            by_wilson += low <= 0.8 <= high
        print(f"coverage: clustered {covered / trials:.3f}, Wilson {by_wilson / trials:.3f}")
        self.assertTrue(0.89 <= covered / trials <= 0.98)
        self.assertLess(by_wilson / trials, 0.8)

    def test_same_seed_same_bits(self):
        one, two, other = (figures_of(random_cases(2), seed=seed)[0].rows for seed in (4, 4, 5))
        self.assertEqual(repr(one), repr(two))
        self.assertNotEqual(repr(one), repr(other))


class Groups(unittest.TestCase):
    def test_bins(self):
        for row, diameter, thickness in (
            ({"volume_ml": f"{math.pi / 6:.9f}", "spacing": "0.5x0.5x6"}, 10, 6),
            ({"volume_ml": "0", "spacing": "1,1,1.25"}, None, 1.25),
            ({"volume_ml": "n/a", "spacing": "n/a"}, None, None),
            ({"spacing": "[0.9, 4., 0.9]"}, None, 4),
        ):
            found = groups.diameter_mm(row)
            self.assertEqual(found and round(found, 6), diameter)
            self.assertEqual(groups.thickness_mm(row), thickness)

    def test_accuracy_of_each_value_and_small_lesions_set_aside(self):
        cases = [case(0, 0, 0, volume_ml="0.1", source="a", spacing="1x1x7"), case(1, 0, 1, volume_ml="5", source="a"),
                 case(2, 5, 5, volume_ml="0", source="b", spacing="1"), case(3, 0, 0, volume_ml="0.12", source="a")]
        counted, small = groups.set_aside(cases, 6)
        self.assertEqual([c.participant for c in small], ["0000"])  # 0.1 ml: 5.76 mm; 0.12 ml: 6.12 mm
        evaluation = figures.Evaluation(counted, 100)
        groups.add_groups(evaluation)
        found = {row.group: (row.value, row.n) for row in evaluation.rows}
        self.assertEqual(found["source: a"], (0.5, 2))
        self.assertEqual(found["source: b"], (1, 1))
        self.assertEqual(found["lesion size: no lesion"], (1, 1))
        self.assertEqual(found["lesion size: under 10 mm"], (1, 1))
        self.assertEqual(found["lesion size: 20-30 mm"], (0, 1))
        self.assertEqual(found["slice thickness: under 1.5 mm"], (1, 1))

    def test_report_says_what_was_left_out(self):
        asked = argparse.Namespace(truth="t.tsv", predictions=None, where=[], smallest=6.0, replicates=100, seed=1,
                                   by=[])
        cases = [case(0, 0, 0, volume_ml="0.1"), case(1, 0, NO_CLASS, volume_ml="9"), case(2, 1, 1, volume_ml="9")]
        made = report.make_report(cases, asked)
        told = " ".join(made.notes)
        for words in ("2 scans of 2 participants", "conditional on those participants",
                      "1 scans could not be classified", "no probabilities", "1 scans whose lesion is under 6 mm"):
            self.assertIn(words, told)
        self.assertEqual([item["error"] for item in made.failures], ["cannot be read"])
        self.assertEqual(made.figure("all", "", "accuracy").value, 0.5)
        self.assertEqual(made.figure("lesions under 6 mm, not counted", "", "accuracy").n, 1)


class Maps(unittest.TestCase):
    AFFINE = np.diag([2.0, 2.0, 5.0, 1.0])

    def lesion(self):
        inside = np.zeros((20, 20, 10), bool)
        inside[8:11, 8:11, 5] = True
        affine = self.AFFINE.copy()
        affine[:3, 3] = [-20, -20, -25]
        return attention.Lesion(inside, affine)

    def test_distance_and_dilation_are_in_millimetres(self):
        lesion = self.lesion()
        self.assertEqual(lesion.distance_mm([9, 9, 5]), 0)
        self.assertEqual(lesion.distance_mm([12, 9, 5]), 4)
        self.assertEqual(lesion.distance_mm([9, 9, 7]), 10)
        self.assertAlmostEqual(lesion.distance_mm([12, 12, 6]), math.sqrt(16 + 16 + 25))
        self.assertAlmostEqual(lesion.volume_ml, 9 * 20 / 1000)
        for tolerance in (0, 2, 4.5, 5, 30):
            near = lesion.dilated(tolerance)
            expected = [lesion.distance_mm(v) <= tolerance + 1e-9 for v in np.ndindex(near.shape)]
            self.assertEqual(near.ravel().tolist(), expected, tolerance)

    def test_share_peak_and_chance(self):
        lesion = self.lesion()
        voxels = np.zeros(lesion.inside.shape, np.float32)
        voxels[9, 9, 5], voxels[12, 9, 5], voxels[0, 0, 0] = 1, 0.5, 0.5
        answer = {"attention": {"class": "HGG", "peak_voxel": [9, 9, 5], "method": "CAM (4 x 4 x 4 cells)"},
                  "provenance": {"foreground_share": "0.5", "foreground_centre_mm": "8.4,-2,0.3",
                                 "input_shape": "8,8,8", "input_grid": "spacing 2,2,4", "scan_shape": "20,20,10",
                                 "scan_voxel_mm": "2,2,5"}}
        row = attention.measure(answer, voxels, lesion, 4)
        self.assertEqual((row["share"], row["distance_mm"], row["centre_distance_mm"]), (0.75, 0, 8))
        near = lesion.dilated(4).sum()
        self.assertAlmostEqual(row["chance_share"], near / 2000)
        self.assertEqual(attention.cell_mm(answer), 8)
        answer["provenance"]["input_grid"] = "stretch"
        self.assertEqual(attention.cell_mm(answer), 12.5)
        self.assertIsNone(attention.measure(answer, voxels * 0, lesion, 4)["distance_mm"], "a map without attention")
        hits = attention.unpack(row["places"]).reshape(3 * [len(attention.PLACES_MM)])
        places = attention.PLACES_MM[np.argwhere(hits)] + [8.4, -2, 0.3]
        self.assertTrue(len(places))
        for place in places:
            voxel = np.round((place - lesion.affine[:3, 3]) / [2, 2, 5]).astype(int)
            self.assertLessEqual(lesion.distance_mm(voxel), 4)

    def test_best_place_is_where_most_lesions_are(self):
        count = len(attention.PLACES_MM) ** 3
        flags = np.zeros((3, count), bool)
        flags[0, [3, 700, 9000]], flags[1, [700, 9000]], flags[2, [5, 9000]] = True, True, True
        self.assertEqual(attention.best_place([attention._pack(row) for row in flags]), 9000)

    def test_figures_of_maps(self):
        cases = [case(0, 0, 0), case(1, 0, 1), case(2, 4, 4), case(3, 5, 5)]
        place = np.zeros(len(attention.PLACES_MM) ** 3, bool)
        place[77] = True
        row = {"tolerance_mm": 5, "volume_ml": 3, "distance_mm": 4.9, "centre_distance_mm": 50, "share": 0.5,
               "chance_share": 0.1, "places": attention._pack(place)}
        rows = [row, {**row, "distance_mm": 5.1, "volume_ml": 1, "places": attention._pack(~place)},
                {**row, "centre_distance_mm": 0, "distance_mm": None, "share": None}, None]
        evaluation = figures.Evaluation(cases, 100)
        attention.add_attention(evaluation, "cam", rows)
        found = {(r.label, r.metric): (r.value, r.n) for r in evaluation.rows}
        self.assertEqual(found["HGG", "hit"], (0.5, 2))
        self.assertEqual(found["HGG", "hit_over_2ml"], (1, 1))
        self.assertEqual(found["AN", "hit"], (0, 1))
        self.assertEqual(found["", "hit_of_foreground_centre"], (1 / 3, 3))
        self.assertEqual(found["HGG", "hit_of_best_fixed_place"], (0.5, 2))
        self.assertEqual(found["", "hit_of_best_fixed_place"], (2 / 3, 3))
        self.assertEqual(found["", "share_in_lesion"], (0.5, 2))
        self.assertNotIn(("HLTH", "hit"), found)


class Tables(unittest.TestCase):
    TRUTH = "participant_id\tclass\tsplit\nsub-a\thgg\ttest\nsub-b\tPituitary adenoma\ttest\nsub-c\tHLTH\ttrain\n"
    GOOD = "participant,HGG,LGG,METS,PA,AN,HLTH,MEN\na,1,0,0,0,0,0,0\nb,0,0,0,.9,.1,0,0\nsub-c,0,0,0,0,0,1,0\n"

    def read(self, truth=TRUTH, predictions=GOOD, where=()):
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "t.tsv").write_text(truth)
            pathlib.Path(folder, "p.csv").write_text(predictions)
            everyone = tables.read_truth(f"{folder}/t.tsv")
            return tables.read_predictions(f"{folder}/p.csv", everyone, tables.choose(everyone, where, "t.tsv"))

    def test_tables_of_other_software(self):
        self.assertEqual([(c.participant, c.truth, c.called) for c in self.read()],
                         [("a", 0, 0), ("b", 3, 3), ("c", 5, 5)])
        self.assertEqual(len(self.read(where=["split=test"])), 2)
        cases = self.read(predictions="scan\tclass\nx/sub-a_ce-gad_T1w.nii.gz\tLGG\nsub-b.nii\thealthy\n"
                                      "c_T1w.nii\tn/a\n")
        self.assertEqual([(c.called, c.probabilities) for c in cases], [(1, None), (5, None), (NO_CLASS, None)])
        some = self.read(predictions="participant_id,p_HGG,p_PA\na,1,0\nb,0.4,0.604\nc,.5,.5\n")
        self.assertAlmostEqual(sum(some[1].probabilities), 1)

    def test_faults_are_sentences(self):
        for words, settings in {
            "t.tsv has no column 'class'": {"truth": "participant_id\tgrade\na\t1\n"},
            "t.tsv has no column 'participant_id'": {"truth": "id\tclass\na\tHGG\n"},
            "t.tsv: line 3: the class 'XYZ' is none of HGG": {"truth": "participant_id\tclass\na\tHGG\nb\tXYZ\n"},
            "t.tsv: line 3: the participant 'sub-a' is there twice": {
                "truth": "participant_id\tclass\na\tHGG\nsub-a\tPA\n"},
            "t.tsv: line 2 has 1 cells, the header 2": {"truth": "participant_id\tclass\na\n"},
            "t.tsv has no participants": {"truth": "participant_id\tclass\n"},
            "no participant of t.tsv is left": {"where": ["split=other"]},
            "t.tsv has no column 'site'": {"where": ["site=1"]},
            "must be COLUMN=VALUE": {"where": ["split"]},
            "p.csv: 1 participants have no prediction: c": {"predictions": self.GOOD.rsplit("sub-c", 1)[0]},
            "p.csv: 1 participants are not in the truth: d": {"predictions": self.GOOD + "d,1,0,0,0,0,0,0\n"},
            "p.csv: line 5: the scan 'a' is there twice": {"predictions": self.GOOD + "a,1,0,0,0,0,0,0\n"},
            "p.csv: line 2: HGG is NaN": {"predictions": self.GOOD.replace("a,1,", "a,nan,")},
            "p.csv: line 2: HGG is 'x', not a number": {"predictions": self.GOOD.replace("a,1,", "a,x,")},
            "p.csv: line 2: HGG is -1, not between 0 and 1": {"predictions": self.GOOD.replace("a,1,", "a,-1,")},
            "p.csv: line 3: the probabilities sum to 0.95, not to 1": {"predictions": self.GOOD.replace(".1", ".05")},
            "p.csv has neither a column 'class'": {"predictions": "participant,score\na,1\nb,1\nc,1\n"},
            "p.csv: the column 'HGG' is there twice": {"predictions": "participant,HGG,HGG\na,1,0\n"},
            "the columns 'HGG' and 'p_HGG' are both of HGG": {"predictions": "participant,HGG,p_HGG\na,1,0\n"},
            "p.csv: line 2 names neither a participant nor a scan": {"predictions": "scan,class\n,HGG\n"},
            "p.csv: line 1 is no object": {"predictions": '{"scan": 1}\n'},
        }.items():
            with self.assertRaises(tables.Fault, msg=words) as told:
                self.read(**settings)
            self.assertIn(words, str(told.exception))


if __name__ == "__main__":
    np.seterr(all="raise")  # no figure is divided by nothing unawares
    unittest.main()
