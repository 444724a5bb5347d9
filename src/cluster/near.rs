//! Lists of the points near one.

/// The points near one, as (squared distance, number) in that order.
pub(super) type Near = Vec<(f64, usize)>;

/// Outcome of a point that is offered to a list of at most `k`.
#[derive(Debug, PartialEq)]
pub(super) enum Entry {
    /// It is in the list, for which another one had to leave.
    Instead((f64, usize)),
    /// It is in the list.
    Entered,
    /// It is not: all others are nearer.
    Refused,
}

/// Offers a point to a list of at most `k`.
pub(super) fn enter(near: &mut Near, k: usize, point: (f64, usize)) -> Entry {
    let at = near.partition_point(|other| other.0.total_cmp(&point.0).then(other.1.cmp(&point.1)).is_lt());
    if near.get(at) == Some(&point) {
        return Entry::Entered;
    }
    if at >= k {
        return Entry::Refused;
    }
    let farthest = if near.len() == k { near.pop() } else { None };
    near.insert(at, point);
    farthest.map_or(Entry::Entered, Entry::Instead)
}

/// Distance beyond which no point enters a list of at most `k`.
pub(super) fn limit(near: &Near, k: usize) -> f64 {
    if near.len() < k { f64::INFINITY } else { near.last().map_or(0.0, |(distance, _)| *distance) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_hold_the_nearest_once_each() {
        let mut near = Near::new();
        assert_eq!((limit(&near, 2), limit(&near, 0)), (f64::INFINITY, 0.0));
        assert_eq!(enter(&mut near, 2, (3.0, 7)), Entry::Entered);
        assert_eq!(enter(&mut near, 2, (3.0, 7)), Entry::Entered);
        assert_eq!((near.len(), limit(&near, 2)), (1, f64::INFINITY));
        assert_eq!(enter(&mut near, 2, (5.0, 1)), Entry::Entered);
        assert_eq!((limit(&near, 2), enter(&mut near, 2, (5.0, 2))), (5.0, Entry::Refused));
        // of equally far ones the lower number
        assert_eq!(enter(&mut near, 2, (5.0, 0)), Entry::Instead((5.0, 1)));
        assert_eq!(enter(&mut near, 2, (1.0, 9)), Entry::Instead((5.0, 0)));
        assert_eq!(near, [(1.0, 9), (3.0, 7)]);
        assert_eq!(enter(&mut near, 0, (0.0, 0)), Entry::Refused);
    }
}
