// See README.md.
#pragma once

namespace gloo::transport {

class Device;
// Complete, for the sake of a std::unique_ptr that is never held here.
class UnboundBuffer {
 public:
  virtual ~UnboundBuffer() = 0;
};

}  // namespace gloo::transport
