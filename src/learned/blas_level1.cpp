// The four vector functions that liblinear wants of a BLAS (Lawson et al. 1979, level 1; unit strides as liblinear uses them).
//
// A whole BLAS would be loaded by every gateway, and the usual one starts a thread per core and reserves their memory when it is
// loaded, for something that only fitting needs.

#include <cmath>

extern "C" {

double ddot_(const int* n, const double* x, const int* /*stride_x*/, const double* y, const int* /*stride_y*/) {
  double sum = 0;
  for (int i = 0; i < *n; ++i) sum += x[i] * y[i];
  return sum;
}

double dnrm2_(const int* n, const double* x, const int* /*stride*/) {
  double sum = 0;
  for (int i = 0; i < *n; ++i) sum += x[i] * x[i];
  return std::sqrt(sum);
}

int daxpy_(const int* n, const double* a, const double* x, const int* /*stride_x*/, double* y,
           const int* /*stride_y*/) {
  for (int i = 0; i < *n; ++i) y[i] += *a * x[i];
  return 0;
}

int dscal_(const int* n, const double* a, double* x, const int* /*stride*/) {
  for (int i = 0; i < *n; ++i) x[i] *= *a;
  return 0;
}

}  // extern "C"
