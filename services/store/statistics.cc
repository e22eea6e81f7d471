#include "services/store/statistics.h"

namespace mannequin::store {

void Statistics::CountImage(const v1::ImageInfo& image, int by) {
  if (v1::ImageState_IsValid(image.state())) image_states[image.state()] += by;
  if (image.refresh()) refreshes += by;
  const bool for_good = image.state() == v1::IMAGE_STATE_FAILED || image.state() == v1::IMAGE_STATE_MISSING;
  if (for_good && v1::FetchFailure_IsValid(image.failure())) {
    fetch_failures[image.failure()] += by;
  }
}

void Statistics::Add(const Statistics& other, int by) {
  products += by * other.products;
  for (std::size_t i = 0; i < image_states.size(); ++i) image_states[i] += by * other.image_states[i];
  for (std::size_t i = 0; i < fetch_failures.size(); ++i) fetch_failures[i] += by * other.fetch_failures[i];
  images += by * other.images;
  image_bytes += by * other.image_bytes;
  rendition_bytes += by * other.rendition_bytes;
  refreshes += by * other.refreshes;
  embeddings += by * other.embeddings;
  placeholders += by * other.placeholders;
  verdicts += by * other.verdicts;
  reviews += by * other.reviews;
}

v1::GetStatisticsResponse Statistics::ToProto() const {
  v1::GetStatisticsResponse proto;
  proto.set_products(products);
  for (int state = 1; state < v1::ImageState_ARRAYSIZE; ++state) {
    v1::ImageStateCount& count = *proto.add_image_states();
    count.set_state(static_cast<v1::ImageState>(state));
    count.set_products(image_states[state]);
  }
  for (int failure = 1; failure < v1::FetchFailure_ARRAYSIZE; ++failure) {
    v1::FetchFailureCount& count = *proto.add_fetch_failures();
    count.set_failure(static_cast<v1::FetchFailure>(failure));
    count.set_products(fetch_failures[failure]);
  }
  proto.set_images(images);
  proto.set_image_bytes(image_bytes);
  proto.set_rendition_bytes(rendition_bytes);
  proto.set_refreshes(refreshes);
  proto.set_embeddings(embeddings);
  proto.set_placeholders(placeholders);
  proto.set_verdicts(verdicts);
  proto.set_reviews(reviews);
  return proto;
}

Statistics Statistics::FromProto(const v1::GetStatisticsResponse& proto) {
  Statistics statistics;
  statistics.products = proto.products();
  for (const v1::ImageStateCount& count : proto.image_states()) {
    if (v1::ImageState_IsValid(count.state())) statistics.image_states[count.state()] = count.products();
  }
  for (const v1::FetchFailureCount& count : proto.fetch_failures()) {
    if (v1::FetchFailure_IsValid(count.failure())) statistics.fetch_failures[count.failure()] = count.products();
  }
  statistics.images = proto.images();
  statistics.image_bytes = proto.image_bytes();
  statistics.rendition_bytes = proto.rendition_bytes();
  statistics.refreshes = proto.refreshes();
  statistics.embeddings = proto.embeddings();
  statistics.placeholders = proto.placeholders();
  statistics.verdicts = proto.verdicts();
  statistics.reviews = proto.reviews();
  return statistics;
}

}  // namespace mannequin::store
