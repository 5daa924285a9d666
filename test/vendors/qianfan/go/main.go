// One console action through the Qianfan SDK for Go: `client <Action> <JSON>`. The address and the keys come from the
// environment that the SDK reads. Prints the status and the reply; the SDK itself gives no error for an HTTP status.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/baidubce/bce-qianfan-sdk/go/qianfan"
)

func main() {
	params := map[string]interface{}{}
	if err := json.Unmarshal([]byte(os.Args[2]), &params); err != nil {
		panic(err)
	}
	res, err := qianfan.NewConsoleAction().Call(context.TODO(), "/v2/finetuning", os.Args[1], params)
	if err != nil {
		fmt.Printf("error %s\n", err)
		return
	}
	fmt.Printf("%d %s\n", res.RawResponse.StatusCode, string(res.Body))
}
