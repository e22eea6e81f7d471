// What the fetcher counts, for Prometheus.
//
//   mannequin_fetcher_images_total{outcome}   counter; "stored", "not_modified", "retried",
//                                             "dropped" or a failure such as "not_found"
//   mannequin_fetcher_received_bytes_total    counter; bytes of bodies
//   mannequin_fetcher_transfers_in_flight     gauge
//   mannequin_fetcher_troubled_hosts          gauge; paused or given up
//   mannequin_fetcher_transfer_seconds        histogram; one transfer, begin to end
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "mannequin/v1/product.pb.h"

namespace mannequin::fetcher_metrics {

// FETCH_FAILURE_NOT_FOUND -> "not_found".
std::string OutcomeName(v1::FetchFailure failure);

// Thread-safe; the metrics are the process's.
void CountImages(absl::string_view outcome, double images);
void CountReceivedBytes(double bytes);
void SetInFlight(double transfers);
void SetTroubledHosts(double hosts);
void ObserveTransfer(absl::Duration elapsed);

}  // namespace mannequin::fetcher_metrics
