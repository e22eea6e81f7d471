package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	pb "shop/mannequin/v1"
)

func main() {
	server, photo := os.Args[1], os.Args[2] // 127.0.0.1:8600 photo.jpg
	image, err := os.ReadFile(photo)
	if err != nil {
		log.Fatal(err)
	}
	channel, err := grpc.NewClient(server, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	defer channel.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	response, err := pb.NewAbuseScorerClient(channel).ScoreListing(ctx, &pb.ScoreListingRequest{
		Product: &pb.Product{Title: "Steel watch", CategoryPath: []string{"Watches"}, Brand: "Acme"},
		Source:  &pb.ScoreListingRequest_Image{Image: image},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(response.Verdict.Kind)
	for _, reason := range response.Verdict.Reasons {
		fmt.Println(reason.Reason, reason.Probability)
	}
}
