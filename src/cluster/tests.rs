use super::*;
use crate::oracle;
use proptest::prelude::*;
use serde_json::Value;

/// One data set of the oracle.
fn points(set: &Value) -> Points {
    let rows: Vec<Vec<f64>> = serde_json::from_value(set["points"].clone()).unwrap();
    Points::new(rows[0].len(), rows.concat())
}

fn sets() -> Vec<Value> {
    let sets = oracle("cluster.json")["sets"].as_array().unwrap().clone();
    assert!(sets.len() >= 5);
    sets
}

/// Clusters numbered by their first points, noise -1: the form of the oracle.
fn by_first(clusters: &[Option<usize>]) -> Vec<i64> {
    let mut known = std::collections::HashMap::new();
    let number = |cluster: &Option<usize>| {
        let next = known.len() as i64;
        cluster.map_or(-1, |cluster| *known.entry(cluster).or_insert(next))
    };
    clusters.iter().map(number).collect()
}

fn labels(points: &Points, min_cluster_size: usize, min_samples: usize, threads: usize) -> Vec<i64> {
    by_first(&hdbscan::hdbscan(points, hdbscan::Settings { min_cluster_size, min_samples, exact: true }, threads))
}

#[test]
fn hdbscan_has_the_labels_of_scikit_learn() {
    let (mut settings, mut tied) = (0, 0);
    for set in sets() {
        let points = points(&set);
        for case in set["hdbscan"].as_array().unwrap() {
            let number = |name: &str| case[name].as_u64().unwrap() as usize;
            let expected: Vec<i64> = serde_json::from_value(case["labels"].clone()).unwrap();
            let got = labels(&points, number("min_cluster_size"), number("min_samples"), 2);
            assert_eq!(got, expected, "{} {} {}", set["name"], case["min_cluster_size"], case["min_samples"]);
            settings += 1;
            tied += usize::from(case["ties"] == "distance");
        }
    }
    assert!(settings > 40 && tied > 10, "{settings} {tied}");
}

fn inertia(points: &Points, clusters: &[usize]) -> f64 {
    let assigned: Vec<Option<usize>> = clusters.iter().copied().map(Some).collect();
    let sums = Sums::new(points, &assigned);
    let mean = |c: usize| -> Vec<f64> { sums.values[c].iter().map(|x| x / sums.sizes[c] as f64).collect() };
    let means: Vec<Vec<f64>> = (0..sums.sizes.len()).map(mean).collect();
    clusters.iter().enumerate().map(|(i, c)| crate::linalg::distance2(points.row(i), &means[*c])).sum()
}

#[test]
fn kmeans_has_the_inertia_of_scikit_learn() {
    for set in sets() {
        let points = points(&set);
        for case in set["kmeans"].as_array().unwrap() {
            let k = case["k"].as_u64().unwrap() as usize;
            let found = kmeans::kmeans(&points, Some(k), 42, 2);
            let (got, expected) = (inertia(&points, &found), case["inertia"].as_f64().unwrap());
            assert!(got <= 1.01 * expected, "{} {k}: {got} {expected}", set["name"]);
            assert_eq!(found, kmeans::kmeans(&points, Some(k), 42, 1));
        }
    }
}

#[test]
fn silhouettes_are_those_of_scikit_learn() {
    let mut compared = 0;
    for set in sets().iter().filter(|set| set["silhouette"].is_object()) {
        let raw = points(set);
        let points = Points::unit((0..raw.len()).map(|i| raw.row(i))).unwrap();
        let labels: Vec<i64> = serde_json::from_value(set["silhouette"]["labels"].clone()).unwrap();
        let clusters: Vec<Option<usize>> = labels.iter().map(|label| usize::try_from(*label).ok()).collect();
        let expected: Vec<Option<f64>> = serde_json::from_value(set["silhouette"]["values"].clone()).unwrap();
        for (got, expected) in silhouettes(&points, &clusters, 2).iter().zip(&expected) {
            match (got, expected) {
                (Some(got), Some(expected)) => assert!((got - expected).abs() < 1e-9, "{got} {expected}"),
                (got, expected) => assert_eq!(got, expected),
            }
            compared += 1;
        }
    }
    assert_eq!(compared, 640);
}

#[test]
fn maps_are_those_of_scikit_learn() {
    for set in sets() {
        let expected: Vec<(f64, f64)> = serde_json::from_value(set["map"].clone()).unwrap();
        let scale = expected.iter().fold(0.0_f64, |scale, (x, y)| scale.max(x.abs()).max(y.abs()));
        let got = map::map(&points(&set), 2);
        assert_eq!(got.len(), expected.len());
        for (got, expected) in got.iter().zip(&expected) {
            let off = (got.0 - expected.0).abs().max((got.1 - expected.1).abs());
            assert!(off < 1e-6 * scale, "{}: {got:?} {expected:?}", set["name"]);
        }
    }
}

#[test]
fn maps_of_few_points() {
    assert_eq!(map::map(&Points::new(3, vec![]), 2), []);
    assert_eq!(map::map(&Points::new(0, vec![]), 2), []);
    assert_eq!(map::map(&Points::new(3, vec![1.0, 2.0, 3.0]), 2), [(0.0, 0.0)]);
    // all at one place, in one dimension, on a line
    assert_eq!(map::map(&Points::new(2, vec![0.5; 6]), 2), [(0.0, 0.0); 3]);
    assert_eq!(map::map(&Points::new(1, vec![1.0, 3.0]), 2), [(-1.0, 0.0), (1.0, 0.0)]);
    let line = map::map(&Points::new(2, vec![0.0, 0.0, 3.0, 4.0, 6.0, 8.0]), 2);
    for ((x, y), expected) in line.into_iter().zip([-5.0, 0.0, 5.0]) {
        assert!((x - expected).abs() < 1e-9 && y.abs() < 1e-9, "{x} {y}");
    }
}

fn settings(method: Method, k: Option<usize>, min_cluster_size: usize) -> Settings {
    Settings { method, k, hdbscan: hdbscan::Settings { min_cluster_size, min_samples: 2, exact: true }, seed: 1 }
}

/// Directions in the plane, by their angles in degrees.
fn angles(degrees: &[f64]) -> Points {
    let vectors: Vec<[f64; 2]> = degrees.iter().map(|a| [a.to_radians().cos(), a.to_radians().sin()]).collect();
    Points::unit(vectors.iter().map(|vector| vector.as_slice())).unwrap()
}

#[test]
fn clusters_by_hand() {
    // two bundles and one alone; the larger bundle comes second
    let points = angles(&[0.0, 1.0, 2.5, 90.0, 91.0, 92.5, 94.0, 200.0]);
    let found = cluster(&points, &settings(Method::Auto, None, 3), 2).unwrap();
    let (a, b) = (Some(1), Some(0));
    assert_eq!(found.clusters, [a, a, a, b, b, b, b, None]);
    assert_eq!(found.method, Method::Hdbscan);
    // 1 is nearest to the mean, then 0 (1.17 away) and 2.5 (1.33 away); the others have their mean at about 91.9
    assert_eq!(found.places[..3], [Some(1), Some(0), Some(2)]);
    assert_eq!(found.places[3..], [Some(2), Some(1), Some(0), Some(3), None]);
    let cos = |a: f64, b: f64| 1.0 - (a - b).to_radians().cos();
    let own = (cos(0.0, 1.0) + cos(0.0, 2.5)) / 2.0;
    let next = (cos(0.0, 90.0) + cos(0.0, 91.0) + cos(0.0, 92.5) + cos(0.0, 94.0)) / 4.0;
    assert!((found.silhouettes[0].unwrap() - (next - own) / next).abs() < 1e-12);
    assert_eq!(found.silhouettes[7], None);
}

#[test]
fn kmeans_where_most_is_noise() {
    let points = angles(&[0.0, 0.1, 0.2, 40.0, 80.0, 120.0, 160.0, 200.0, 240.0]);
    let hdbscan = cluster(&points, &settings(Method::Hdbscan, None, 3), 1).unwrap();
    assert_eq!(hdbscan.clusters, [None; 9]);
    let auto = cluster(&points, &settings(Method::Auto, Some(2), 3), 1).unwrap();
    assert_eq!((auto.method, auto.clusters.iter().flatten().max()), (Method::Kmeans, Some(&1)));
    assert_eq!(auto, cluster(&points, &settings(Method::Kmeans, Some(2), 3), 1).unwrap());
}

#[test]
fn kmeans_where_most_is_one_cluster() {
    // ten of sixteen in one bundle, three in another, three alone
    let mut degrees: Vec<f64> = (0..10).map(|i| f64::from(i) * 0.1).collect();
    degrees.extend([90.0, 90.1, 90.2, 150.0, 200.0, 250.0]);
    let hdbscan = cluster(&angles(&degrees), &settings(Method::Hdbscan, None, 3), 1).unwrap();
    assert_eq!(hdbscan.clusters.iter().filter(|cluster| **cluster == Some(0)).count(), 10);
    let auto = cluster(&angles(&degrees), &settings(Method::Auto, None, 3), 1).unwrap();
    assert_eq!(auto, cluster(&angles(&degrees), &settings(Method::Kmeans, None, 3), 1).unwrap());
    // half of them is not most
    degrees.extend([300.0, 300.1, 300.2, 300.3]);
    let auto = cluster(&angles(&degrees), &settings(Method::Auto, None, 3), 1).unwrap();
    assert_eq!(auto.method, Method::Hdbscan);
}

#[test]
fn few_points() {
    for method in [Method::Auto, Method::Hdbscan, Method::Kmeans] {
        let found = |degrees: &[f64], k| cluster(&angles(degrees), &settings(method, k, 5), 2).unwrap();
        let all =
            |cluster: usize, n: usize| if method == Method::Hdbscan { vec![None; n] } else { vec![Some(cluster); n] };
        assert_eq!(found(&[], None).clusters, []);
        assert_eq!(found(&[7.0], None).clusters, all(0, 1));
        assert_eq!(found(&[7.0], Some(5)).clusters, all(0, 1));
        assert_eq!(found(&[7.0; 20], None).clusters, all(0, 20));
        assert_eq!(found(&[7.0; 20], Some(3)).clusters, all(0, 20));
        assert_eq!(found(&[7.0; 20], Some(3)).silhouettes, [None; 20]);
        if method != Method::Hdbscan {
            // as many clusters as there are different points, at most
            assert_eq!(found(&[7.0, 50.0, 7.0], Some(9)).clusters, [Some(0), Some(1), Some(0)]);
        }
    }
}

#[test]
fn too_many_points() {
    let points = Points::new(1, vec![1.0; MAX_POINTS + 1]);
    let error = cluster(&points, &settings(Method::Kmeans, Some(2), 5), 1).unwrap_err();
    assert_eq!(error, ClusterError::Many(MAX_POINTS + 1));
}

/// Number of clusters by silhouette: bundles that are far apart.
#[test]
fn kmeans_finds_the_number_of_bundles() {
    for bundles in [2, 3, 7] {
        let degrees: Vec<f64> = (0..bundles * 8)
            .map(|i| (i % bundles) as f64 * 360.0 / bundles as f64 + (i / bundles) as f64 * 0.5)
            .collect();
        let found = kmeans::kmeans(&angles(&degrees), None, 3, 2);
        let expected: Vec<i64> = (0..bundles * 8).map(|i| (i % bundles) as i64).collect();
        assert_eq!(by_first(&found.into_iter().map(Some).collect::<Vec<_>>()), expected);
    }
}

/// Bundles far apart on a grid, each of points in a line one apart: however they are joined, each is a cluster, since its
/// points come apart at once, and much later than the bundles.
#[test]
fn bundles_far_apart_are_the_clusters_of_any_tree() {
    let sizes: Vec<usize> = (0..49).map(|bundle| 20 + 2 * bundle).collect();
    let mut points = Vec::new();
    let mut expected = Vec::new();
    // one point of each bundle after the other
    for place in 0..*sizes.last().unwrap() {
        for bundle in (0..sizes.len()).filter(|bundle| place < sizes[*bundle]) {
            points.extend([1000.0 * (bundle % 7) as f64 + place as f64, 1000.0 * (bundle / 7) as f64]);
            expected.push(bundle as i64);
        }
    }
    let points = Points::new(2, points);
    assert!(points.len() > 3_000);
    for min_samples in [1, 2, 5] {
        for exact in [true, false] {
            let settings = hdbscan::Settings { min_cluster_size: 5, min_samples, exact };
            for threads in [1, 2] {
                assert_eq!(by_first(&hdbscan::hdbscan(&points, settings, threads)), expected, "{min_samples} {exact}");
            }
        }
    }
}

#[test]
fn approximate_clusters_do_not_depend_on_threads() {
    use rand::RngExt;
    let mut g = crate::random::Stream::new(3, crate::random::Purpose::Clusters, 0).replicate(0);
    // more than one group of cells, some equal points, and parts that no edge to a neighbour joins
    let place = |i: usize| (i % 40) as f64 * if i.is_multiple_of(3) { 9.0 } else { 0.5 };
    let values: Vec<f64> =
        (0..40_000).flat_map(|i| [0; 3].map(|_| place(i) + f64::from(g.random_range(0..50)))).collect();
    let points = Points::new(3, values);
    let settings = hdbscan::Settings { min_cluster_size: 5, min_samples: 4, exact: false };
    let found = hdbscan::hdbscan(&points, settings, 1);
    assert!(found.iter().flatten().max() > Some(&0));
    assert_eq!(found, hdbscan::hdbscan(&points, settings, 3));
}

#[test]
fn approximate_clusters_say_so() {
    let bundles = |n: usize| -> Vec<f64> { (0..n).map(|i| (i % 3) as f64 * 100.0 + (i / 3) as f64 * 1e-4).collect() };
    let few = angles(&bundles(90));
    let mut asked = settings(Method::Hdbscan, None, 5);
    assert!(!cluster(&few, &asked, 1).unwrap().approximate);
    asked.hdbscan.exact = false;
    let found = cluster(&few, &asked, 1).unwrap();
    assert_eq!((found.method, found.approximate), (Method::Hdbscan, true));
    // k-means of more points than it is fitted to: every point is given a cluster
    let asked = settings(Method::Kmeans, Some(3), 5);
    assert!(!cluster(&few, &asked, 1).unwrap().approximate);
    let many = cluster(&angles(&bundles(kmeans::MAX_FITTED + 5)), &asked, 2).unwrap();
    assert!(many.approximate);
    let expected: Vec<Option<usize>> = (0..kmeans::MAX_FITTED + 5).map(|i| Some(i % 3)).collect();
    assert_eq!(many.clusters, expected);
}

proptest! {
    /// Whole numbers, so that many points and distances are equal: the labels follow the points through any order of
    /// them.
    #[test]
    fn hdbscan_does_not_depend_on_the_order(
        n in 2_usize..60, d in 1_usize..4, width in 2_i32..12, size in 2_usize..6, samples in 1_usize..6, seed in any::<u64>(),
    ) {
        use rand::RngExt;
        let mut g = crate::random::Stream::new(seed, crate::random::Purpose::Clusters, 0).replicate(0);
        let values: Vec<f64> = (0..n * d).map(|_| f64::from(g.random_range(0..width))).collect();
        let points = Points::new(d, values);
        let mut order: Vec<usize> = (0..n).collect();
        (0..n).for_each(|i| order.swap(i, g.random_range(i..n)));
        let direct = labels(&points, size, samples, 1);
        let turned = labels(&points.only(&order), size, samples, 3);
        let expected: Vec<Option<usize>> = order.iter().map(|i| usize::try_from(direct[*i]).ok()).collect();
        prop_assert_eq!(turned, by_first(&expected));
    }
}
