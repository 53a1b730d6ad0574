// The one place where Boost.Asio, its TLS part and Beast are compiled (cmake/dependencies.cmake: suffice::asio).
#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
