// The store in another process: ProductStore over gRPC.
//
//   std::unique_ptr<ProductStore> store = NewRemoteStore(rpc::NewChannel("store:8601"));
//
// Errors are the store's own codes and words; besides them, UNAVAILABLE when it cannot
// be reached and DEADLINE_EXCEEDED when it does not answer in the call's time.
#pragma once

#include <memory>

#include "common/store/product_store.h"
#include "grpcpp/channel.h"

namespace mannequin {

// Thread-safe; keeps the channel.
std::unique_ptr<ProductStore> NewRemoteStore(std::shared_ptr<grpc::Channel> channel);

}  // namespace mannequin
