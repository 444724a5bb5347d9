use muster::probit::orthant::orthant_table;
use nalgebra::DMatrix;
use std::time::Instant;
fn main() {
    for n in [3,4,5,6,7,8,9,12] {
      for rho in [0.3, 0.6, 0.8] {
        let r = DMatrix::from_fn(n, n, |i, j| if i == j { 1.0 } else { rho });
        let mu: Vec<f64> = (0..n).map(|i| 0.1 * i as f64 - 0.3).collect();
        let reps = if n < 7 { 2000 } else if n < 9 { 50 } else {1};
        let t = Instant::now();
        let mut s = 0.0;
        for _ in 0..reps { s += orthant_table(&mu, &r).unwrap()[0]; }
        println!("J {n} rho {rho}: {:.1} us ({s:.3})", t.elapsed().as_secs_f64() / reps as f64 * 1e6);
      }
    }
}
