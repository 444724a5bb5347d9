"""Clusters by scikit-learn: `cluster.json`.

Labels by HDBSCAN, for several min_cluster_size and min_samples a data set; inertia of KMeans; silhouettes by the cosine distance, of the
points that are no noise; principal components.

Where points are equally far apart, scikit-learn's HDBSCAN cuts them apart in the order of the rows. Each setting is tried on 40
orders. Where the labels are the same in all, they are a case with ties "none". Where they are not, the spanning tree is computed here with
ties broken by the distance of the points, and scikit-learn makes the labels from it: a case with ties "distance". Where that leaves
edges of equal length too, there is no right answer, and the setting is listed under `unstable`.

    python test/oracle/cluster.py
"""

import json
import platform
from pathlib import Path

import numpy
import sklearn
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.cluster._hdbscan._linkage import MST_edge_dtype, make_single_linkage
from sklearn.cluster._hdbscan._tree import tree_to_labels
from sklearn.datasets import load_digits, load_iris, make_blobs, make_moons
from sklearn.decomposition import PCA
from sklearn.metrics import silhouette_samples

SETTINGS = [(2, 1), (5, 1), (3, 2), (5, 2), (10, 2), (25, 2), (5, 3), (5, 5), (10, 5), (10, 10), (20, 20)]
ORDERS = 40


def directions(rng):
    """Six bundles of directions of different width in 24 dimensions, and directions between them."""
    centres = rng.normal(size=(6, 24))
    parts = [centre + rng.normal(size=(30, 24)) * width for centre, width in zip(centres, [0.2, 0.3, 0.4, 0.4, 0.5, 0.6])]
    points = numpy.concatenate([*parts, rng.normal(size=(60, 24))])
    return points / numpy.linalg.norm(points, axis=1, keepdims=True)


def repeated(rng):
    """Groups of points on a line of whole numbers, most of them several times: distances of zero, and many that are equal."""
    places = numpy.concatenate([rng.integers(0, 40, size=(30, 2)) + offset for offset in ([0, 0], [200, 0], [90, 150])])
    return numpy.repeat(places, rng.integers(1, 12, size=len(places)), axis=0).astype(float)


def data_sets():
    rng = numpy.random.default_rng(20)
    blobs, _ = make_blobs(300, centers=5, cluster_std=[0.5, 0.8, 1.2, 0.4, 2.0], random_state=1)
    moons, _ = make_moons(300, noise=0.08, random_state=1)
    return {
        "blobs": (blobs.round(6), 5),
        "moons": (moons.round(6), 2),
        "directions": (directions(rng).round(6), 6),
        # tenths of millimetres, so that equal distances are equal numbers
        "iris": ((load_iris().data * 10).round(), 3),
        "digits": (load_digits().data[:400], 10),
        "repeated": (repeated(rng), 8),
    }


def renumbered(labels):
    """By the first point; noise is -1."""
    known = {}
    return [-1 if label < 0 else known.setdefault(int(label), len(known)) for label in labels]


def hdbscan(points, size, samples):
    return HDBSCAN(min_cluster_size=size, min_samples=samples, copy=True).fit(points).labels_


def by_distance(points, size, samples):
    """Labels from the spanning tree whose edges are ordered by length and then by distance; None where some are equal in both."""
    distance = numpy.sqrt(((points[:, None, :] - points[None, :, :]) ** 2).sum(-1))
    core = numpy.sort(distance, axis=1)[:, samples - 1]
    length = numpy.maximum(numpy.maximum(core[:, None], core[None, :]), distance)
    ends = numpy.triu_indices(len(points), 1)
    parent = list(range(len(points)))

    def root(point):
        while parent[point] != point:
            parent[point] = parent[parent[point]]
            point = parent[point]
        return point

    edges = []
    for at in numpy.lexsort((distance[ends], length[ends])):
        a, b = ends[0][at], ends[1][at]
        if root(a) != root(b):
            parent[root(a)] = root(b)
            edges.append((a, b, length[a, b], distance[a, b]))
    if len({edge[2:] for edge in edges}) < len(edges):
        return None
    tree = numpy.array([edge[:3] for edge in edges], dtype=MST_edge_dtype)
    return tree_to_labels(make_single_linkage(tree), size, "eom", False, 0.0, None)[0]


def main():
    rng = numpy.random.default_rng(7)
    sets = []
    for name, (points, k) in data_sets().items():
        cases, unstable = [], []
        for size, samples in SETTINGS:
            labels = renumbered(hdbscan(points, size, samples))
            stable = True
            for _ in range(ORDERS):
                order = rng.permutation(len(points))
                turned = numpy.empty(len(points), dtype=int)
                turned[order] = hdbscan(points[order], size, samples)
                stable &= renumbered(turned) == labels
            setting = {"min_cluster_size": size, "min_samples": samples}
            found = None if stable else by_distance(points, size, samples)
            if stable:
                cases.append({**setting, "ties": "none", "labels": labels})
            elif found is not None:
                cases.append({**setting, "ties": "distance", "labels": renumbered(found)})
            else:
                unstable.append(setting)
        kmeans = [
            {"k": n, "inertia": float(KMeans(n, n_init=10, random_state=0).fit(points).inertia_)} for n in (2, k, 2 * k, 25)
        ]
        placed = PCA(2, svd_solver="full").fit_transform(points)
        record = {
            "name": name,
            "points": points.tolist(),
            "hdbscan": cases,
            "unstable": unstable,
            "kmeans": kmeans,
            "map": [[float(f"{x:.12g}") for x in row] for row in placed],
        }
        if name in ("directions", "digits"):
            labels = numpy.array(next(case["labels"] for case in cases if len(set(case["labels"])) > 2))
            kept = labels >= 0
            found = iter(silhouette_samples(points[kept], labels[kept], metric="cosine"))
            record["silhouette"] = {
                "labels": labels.tolist(),
                "values": [float(f"{next(found):.12g}") if in_cluster else None for in_cluster in kept],
            }
        sets.append(record)
        found = ", ".join(f"{c['min_cluster_size']}/{c['min_samples']} {c['ties']} {max(c['labels']) + 1}" for c in cases)
        print(f"{name}: {len(points)} points, clusters {found}; {len(unstable)} unstable")
    out = {
        "source": "test/oracle/cluster.py",
        "versions": {"python": platform.python_version(), "numpy": numpy.__version__, "scikit-learn": sklearn.__version__},
        "sets": sets,
    }
    Path(__file__).with_suffix(".json").write_text(json.dumps(out, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
